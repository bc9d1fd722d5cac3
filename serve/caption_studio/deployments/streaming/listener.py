"""The gateway's end of the relay: connections from captioners → the answers that wait."""

import asyncio
import hmac
import itertools
import secrets
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from typing import cast

import msgspec

from caption_studio.deployments.streaming.relay import (
    LENGTH_BYTES,
    MAX_FRAME_BYTES,
    OPENING_TIMEOUT_S,
    SECRET_BYTES,
    Frame,
    Ticket,
)
from caption_studio.records import DeltaGroup


class Live:
    """The groups of one answer, in order, as they arrive until `end` is called."""

    def __init__(self, ticket: Ticket) -> None:
        self.ticket = ticket
        self._arrived: asyncio.Queue[DeltaGroup | None] = asyncio.Queue()
        self._next = 0

    def put(self, position: int, group: DeltaGroup) -> None:
        """Take a group. After a gap, all later groups are dropped."""
        if position == self._next:
            self._next += 1
            self._arrived.put_nowait(group)

    def end(self) -> None:
        """End the iteration after the groups that have arrived."""
        self._arrived.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[DeltaGroup]:
        """Yield what arrives until `end`."""
        while (group := await self._arrived.get()) is not None:
            yield group


class RelayListener:
    """The gateway's end: takes connections on `host`, any free port."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._secret = secrets.token_bytes(SECRET_BYTES)
        self._numbers = itertools.count()
        self._live: dict[int, Live] = {}
        self._connections: set[asyncio.BaseTransport] = set()
        self._decoder = msgspec.msgpack.Decoder(Frame)
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. Raises `OSError` if the host is not ours."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Receiver(self), self._host, 0)

    async def close(self) -> None:
        """Stop listening and close every connection; the answers' calls go on."""
        if self._server is None:
            return
        self._server.close()
        for transport in tuple(self._connections):
            transport.close()
        await self._server.wait_closed()
        self._server = None

    @contextmanager
    def live(self) -> Generator[Live]:
        """Register an answer while the context lasts; yield its groups as a `Live`."""
        if self._server is None:
            raise RuntimeError("the relay is not started")
        number = next(self._numbers)
        port = self._server.sockets[0].getsockname()[1]
        live = Live(Ticket(self._host, port, self._secret, number))
        self._live[number] = live
        try:
            yield live
        finally:
            del self._live[number]

    def admits(self, secret: bytes) -> bool:
        """Tell whether a connection's first bytes are our secret."""
        return hmac.compare_digest(secret, self._secret)

    def connected(self, transport: asyncio.BaseTransport) -> None:
        """Register a connection, so that `close` closes it."""
        self._connections.add(transport)

    def disconnected(self, transport: asyncio.BaseTransport) -> None:
        """Forget a connection."""
        self._connections.discard(transport)

    def deliver(self, data: bytes) -> None:
        """Hand one frame to its answer, if it still waits. Raises `msgspec.MsgspecError`."""
        frame = self._decoder.decode(data)
        if live := self._live.get(frame.number):
            live.put(frame.position, frame.group)


class _Receiver(asyncio.Protocol):
    """One connection to a listener: the secret, then frames."""

    def __init__(self, listener: RelayListener) -> None:
        self._listener = listener
        self._buffer = bytearray()
        self._admitted = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not a subclass
        self._deadline = asyncio.get_running_loop().call_later(OPENING_TIMEOUT_S, self._expire)
        self._listener.connected(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadline.cancel()
        if self._transport is not None:
            self._listener.disconnected(self._transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            for frame in self._frames():
                self._listener.deliver(frame)
        except (ValueError, msgspec.MsgspecError):
            self._expire()

    def _frames(self) -> Generator[bytes]:
        if not self._admitted:
            if len(self._buffer) < SECRET_BYTES:
                return
            if not self._listener.admits(bytes(self._buffer[:SECRET_BYTES])):
                raise ValueError("a stranger")
            self._admitted = True
            self._deadline.cancel()
            del self._buffer[:SECRET_BYTES]
        start = 0
        while len(self._buffer) - start >= LENGTH_BYTES:
            length = int.from_bytes(self._buffer[start : start + LENGTH_BYTES])
            if length > MAX_FRAME_BYTES:
                raise ValueError("a frame too long")
            end = start + LENGTH_BYTES + length
            if len(self._buffer) < end:
                break
            yield bytes(self._buffer[start + LENGTH_BYTES : end])
            start = end
        del self._buffer[:start]

    def _expire(self) -> None:
        if self._transport is not None:
            self._transport.abort()
