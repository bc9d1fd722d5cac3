"""A value that several processes change: a sequence of whole, numbered snapshots.

To change it, read snapshot n and write n + 1. If n + 1 exists already, another writer was faster:
read it and begin again (optimistic concurrency). Readers take the highest number. Old snapshots are
deleted, the lowest first. Blocking: for a worker thread.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

KEPT = 16
"""Snapshots kept, so that a writer sixteen changes behind notices it (see `_was_in_time`)."""

MAX_TRIES = 32


class KeyValueStore(Protocol):
    """The store of the snapshots, shared by all processes."""

    def keys(self) -> list[str]:
        """Return every key."""
        ...

    def get(self, key: str) -> bytes | None:
        """Return the value, None where there is none."""
        ...

    def put_new(self, key: str, value: bytes) -> bool:
        """Write unless the key is there; say whether it was written. Atomic."""
        ...

    def delete(self, key: str) -> None:
        """Delete the key if it is there."""
        ...


class TooManyWriters(Exception):
    """Others were faster every time."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The value as of one version; version 0 is empty and the first."""

    version: int
    value: bytes


class Snapshots:
    """The sequence in one store."""

    def __init__(self, store: KeyValueStore) -> None:
        self._store = store

    def latest(self, known: Snapshot | None = None) -> Snapshot:
        """Return the latest snapshot; if it is still `known`, without reading its value."""
        for _ in range(MAX_TRIES):
            versions = self._versions()
            if not versions:
                self._store.put_new(_key(0), b"")
                continue
            if known is not None and known.version == versions[-1]:
                return known
            value = self._store.get(_key(versions[-1]))
            if value is not None:
                return Snapshot(versions[-1], value)
            # Deleted since: others have written KEPT more.
        raise TooManyWriters

    def change(self, change: Callable[[bytes], bytes]) -> Snapshot:
        """Apply `change` to the latest value and return what was written.

        `change` may be called several times; an exception that it raises ends the attempt.
        """
        for _ in range(MAX_TRIES):
            read = self.latest()
            written = Snapshot(read.version + 1, change(read.value))
            if self._store.put_new(_key(written.version), written.value) and self._was_in_time(
                written.version
            ):
                self._prune()
                return written
        raise TooManyWriters

    def _was_in_time(self, version: int) -> bool:
        """Return whether the snapshot just written is part of the sequence.

        It is not if the same number was written and deleted before. Then its predecessor, which is
        deleted first, is gone too.
        """
        return version - 1 in self._versions()

    def _prune(self) -> None:
        for version in self._versions()[:-KEPT]:
            self._store.delete(_key(version))

    def _versions(self) -> list[int]:
        return sorted(int(key) for key in self._store.keys())


def _key(version: int) -> str:
    return f"{version:012d}"
