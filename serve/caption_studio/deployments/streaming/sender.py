"""The captioner's end of the relay: groups → one connection for each gateway that asked.

A slow or dead gateway costs only a bounded buffer: its groups are dropped, and it gets them from
the call's result.
"""

import asyncio
from collections import deque
from typing import cast

import msgspec

from caption_studio.deployments.streaming.relay import (
    LENGTH_BYTES,
    MAX_FRAME_BYTES,
    OPENING_TIMEOUT_S,
    Frame,
    Ticket,
)
from caption_studio.logprob_parts import logprobs_in
from caption_studio.records import DeltaGroup

MAX_UNSENT_BYTES = 4 * 1024**2
"""Buffered for a gateway that does not read; beyond it, groups are dropped."""

MAX_LOGPROBS = 50_000
"""More do not fit into a frame; the call's result has them."""

REOPEN_AFTER_S = 1.0
"""Delay before reconnecting to a listener that was unreachable or went away."""

Address = tuple[str, int, bytes]


class RelaySender:
    """Sends to any number of listeners; connects to one when its first ticket comes."""

    def __init__(self) -> None:
        self._encoder = msgspec.msgpack.Encoder()
        self._links: dict[Address, _Link] = {}

    def send(self, ticket: Ticket, position: int, group: DeltaGroup) -> None:
        """Send an answer's `position`th group, in one write with others of this event loop turn."""
        if logprobs_in(group) > MAX_LOGPROBS:
            return
        link = self._link((ticket.host, ticket.port, ticket.secret))
        frame = self._encoder.encode(Frame(ticket.number, position, group))
        if len(frame) <= MAX_FRAME_BYTES:
            link.write(len(frame).to_bytes(LENGTH_BYTES) + frame)

    def close(self) -> None:
        """Close every connection."""
        for link in self._links.values():
            link.close()
        self._links.clear()

    def _link(self, address: Address) -> "_Link":
        link = self._links.get(address)
        if link is None or link.is_over:
            self._links = {a: other for a, other in self._links.items() if not other.is_over}
            link = self._links[address] = _Link(*address)
        return link


class _Link(asyncio.Protocol):
    """One connection; all frames of one turn of the event loop go out in one write."""

    def __init__(self, host: str, port: int, secret: bytes) -> None:
        self._loop = asyncio.get_running_loop()
        self._unsent: deque[bytes] = deque([secret])
        self._unsent_bytes = 0
        self._transport: asyncio.Transport | None = None
        self._flush_is_due = False
        self._closed_at_s: float | None = None
        self._opening = self._loop.create_task(self._open(host, port))

    @property
    def is_over(self) -> bool:
        """Whether it closed at least `REOPEN_AFTER_S` ago, so that a new one may be opened."""
        closed_at_s = self._closed_at_s
        return closed_at_s is not None and self._loop.time() - closed_at_s >= REOPEN_AFTER_S

    def write(self, frame: bytes) -> None:
        """Queue a frame; drop it if the connection is closed or the other end is too slow."""
        waiting = self._unsent_bytes + len(frame)
        if self._transport is not None:
            waiting += self._transport.get_write_buffer_size()
        if self._closed_at_s is not None or waiting > MAX_UNSENT_BYTES:
            return
        self._unsent.append(frame)
        self._unsent_bytes += len(frame)
        if self._transport is not None and not self._flush_is_due:
            self._flush_is_due = True
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        """Close the connection, or stop opening it."""
        self._opening.cancel()
        self._end()
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the queued frames, the secret first."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by class
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Drop all frames until another connection is tried."""
        self._end()

    async def _open(self, host: str, port: int) -> None:
        try:
            async with asyncio.timeout(OPENING_TIMEOUT_S):
                await self._loop.create_connection(lambda: self, host, port)
        except (OSError, TimeoutError):
            self._end()

    def _flush(self) -> None:
        self._flush_is_due = False
        if self._transport is not None and self._closed_at_s is None:
            self._transport.write(b"".join(self._unsent))
        self._unsent.clear()
        self._unsent_bytes = 0

    def _end(self) -> None:
        self._closed_at_s = self._loop.time()
        self._unsent.clear()
        self._unsent_bytes = 0
