"""Who works on a batch: one gateway at a time, and another once it is dead. Blocking.

The holder writes a new snapshot every few seconds, each with another value. A gateway that sees the
same snapshot for `LEASE_S` takes the lease by writing the next one. Each reads its own clock only,
so the machines' clocks need not agree. A holder that was away for longer finds that others wrote,
and stops.
"""

import uuid
from collections.abc import Callable

from caption_studio.errors import StoreUnavailable
from caption_studio.snapshots import KeyValueStore, Snapshot, Snapshots, TooManyWriters

LEASE_S = 30.0
"""A lease that is not renewed for so long is another's to take."""

RENEW_S = 8.0
"""Interval between renewals."""


class LeaseLost(Exception):
    """Another gateway has taken the lease."""


class Lease:
    """One gateway's view of a batch's lease. `clock` gives seconds, of whatever origin."""

    def __init__(self, store: KeyValueStore, clock: Callable[[], float]) -> None:
        self._snapshots = Snapshots(store)
        self._clock = clock
        self._seen = Snapshot(-1, b"")
        self._seen_at_s = 0.0
        self._renewed_at_s: float | None = None

    @property
    def is_held(self) -> bool:
        """Whether no other gateway can have taken it yet."""
        return self.left_s > 0

    @property
    def left_s(self) -> float:
        """For how long no other gateway can take it; 0 if one may have it."""
        renewed_at_s = self._renewed_at_s
        if renewed_at_s is None:
            return 0.0
        return max(0.0, renewed_at_s + LEASE_S - self._clock())

    def take(self) -> bool:
        """Take the lease if it is free, or was not renewed for long enough; else look again later.

        Raises `StoreUnavailable`.
        """
        try:
            latest = self._snapshots.latest(self._seen)
            if latest.version != self._seen.version:
                self._seen, self._seen_at_s = latest, self._clock()
            is_free = not latest.value or self._clock() - self._seen_at_s >= LEASE_S
            return is_free and self._write(uuid.uuid4().hex.encode())
        except TooManyWriters:
            return False

    def renew(self) -> None:
        """Keep the lease. Raises `LeaseLost`, `StoreUnavailable`."""
        try:
            is_mine = self._write(uuid.uuid4().hex.encode())
        except TooManyWriters:
            is_mine = False
        if not is_mine:
            self._renewed_at_s = None
            raise LeaseLost

    def release(self) -> None:
        """Let another take it at once. Never fails: it would time out otherwise."""
        try:
            if self._renewed_at_s is not None:
                self._write(b"")
        except (TooManyWriters, StoreUnavailable):
            pass
        self._renewed_at_s = None

    def _write(self, new: bytes) -> bool:
        """Write the next snapshot; return whether it follows the one that was seen."""
        expected = self._seen
        began_s = self._clock()

        def change(value: bytes) -> bytes:
            if value != expected.value:
                raise LeaseLost
            return new

        try:
            self._seen = self._snapshots.change(change)
        except LeaseLost:
            return False
        self._seen_at_s = self._renewed_at_s = began_s
        return True
