"""The replica's end of direct calls: a gateway's call → a method of the stage → its pieces."""

import asyncio
import hmac
import logging
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

import msgspec

from caption_studio.deployments.direct.frames import (
    OPENING_TIMEOUT_S,
    SECRET_BYTES,
    Address,
    Ask,
    Beat,
    End,
    Failed,
    Framed,
    FromGateway,
    Piece,
    decoded,
    encoded,
)
from caption_studio.errors import RETRY_AFTER_S, CaptionStudioError, Overloaded

logger = logging.getLogger(__name__)

BEAT_S = 1.0
"""A gateway with calls under way hears from the replica as often as this."""

FINISH_S = 2.0
"""Limit for what was sent to leave, at the end."""

Method = Callable[..., AsyncGenerator[bytes]]
"""A stage's method: it yields the pieces of its answer, encoded."""


class DirectListener:
    """Takes calls of `methods` on any free port; at most `most` at a time, the rest is refused."""

    def __init__(self, methods: Mapping[str, Method], *, most: int) -> None:
        self._methods = methods
        self._most = most
        self._secret = secrets.token_bytes(SECRET_BYTES)
        self._decoder = msgspec.msgpack.Decoder(FromGateway)
        self._connections: set[_Incoming] = set()
        self._server: asyncio.Server | None = None
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def under_way(self) -> int:
        """The calls that are answered at present."""
        return self._under_way

    async def start(self, host: str, replica: str) -> Address:
        """Listen; return the address. Raises `OSError` if the host is not ours."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Incoming(self), host, 0)
        port = self._server.sockets[0].getsockname()[1]
        return Address(replica, host, port, self._secret)

    async def close(self, *, within_s: float) -> None:
        """Wait for the calls that are under way, then stop listening and close the connections."""
        if self._server is None:
            return
        try:
            async with asyncio.timeout(within_s):
                while self._under_way:
                    await self._idle.wait()
        except TimeoutError:
            logger.warning("%d calls are cut off: they take too long", self._under_way)
        self._server.close()
        for connection in tuple(self._connections):
            connection.finish()
        try:
            async with asyncio.timeout(FINISH_S):
                while self._connections:
                    await next(iter(self._connections)).gone.wait()
        except TimeoutError:
            for connection in tuple(self._connections):
                connection.abort()
        self._server = None

    def admits(self, secret: bytes) -> bool:
        """Tell whether a connection's first bytes are our secret."""
        return hmac.compare_digest(secret, self._secret)

    def connected(self, connection: "_Incoming") -> None:
        """Register a connection, so that `close` closes it."""
        self._connections.add(connection)

    def disconnected(self, connection: "_Incoming") -> None:
        """Forget a connection."""
        self._connections.discard(connection)

    def decode(self, frame: bytes) -> FromGateway:
        """Return the message. Raises `msgspec.MsgspecError`."""
        message: FromGateway = self._decoder.decode(frame)
        return message

    async def answer(self, ask: Ask, to: "_Incoming") -> None:
        """Call the method and send what it yields; an error is the answer's end, too."""
        if self._under_way >= self._most:
            full = Overloaded("The service is full. Try again soon.", retry_after_s=RETRY_AFTER_S)
            to.send(Failed(ask.number, encoded(full)))
            return
        self._under_way += 1
        self._idle.clear()
        last: End | Failed = Failed(ask.number, b"")
        try:
            arguments: tuple[Any, ...] = decoded(ask.arguments)
            async with aclosing(self._methods[ask.method](*arguments)) as pieces:
                async for piece in pieces:
                    to.send(Piece(ask.number, piece))
                    await to.writable()
            last = End(ask.number)
        except Exception as error:
            last = _failed(ask, error)
        finally:
            to.send(last)
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()


def _failed(ask: Ask, error: Exception) -> Failed:
    """Return what the gateway learns: our own errors; of others that there was one."""
    try:
        if isinstance(error, CaptionStudioError):
            return Failed(ask.number, encoded(error))
    except Exception:
        logger.exception("an error could not be sent")
    logger.error("a call of %s failed", ask.method, exc_info=error)
    return Failed(ask.number, b"")


class _Incoming(Framed):
    """One gateway's connection: the secret, then its calls."""

    def __init__(self, listener: DirectListener) -> None:
        super().__init__()
        self._listener = listener
        self._admitted = False
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._beating: asyncio.TimerHandle | None = None
        self.gone = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._deadline = self._loop.call_later(OPENING_TIMEOUT_S, self.abort)
        self._listener.connected(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the calls: nobody waits for them any more."""
        self._deadline.cancel()
        self._listener.disconnected(self)
        self.gone.set()
        self._writable.set()
        for call in tuple(self._calls.values()):
            call.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            if not self._admitted:
                self._received += data
                if len(self._received) < SECRET_BYTES:
                    return
                if not self._listener.admits(bytes(self._received[:SECRET_BYTES])):
                    raise ValueError("a stranger")
                self._admitted = True
                self._deadline.cancel()
                del self._received[:SECRET_BYTES]
                data = b""
            for frame in self._frames(data):
                self._take(self._listener.decode(frame))
        except (ValueError, msgspec.MsgspecError):
            self.abort()

    def _take(self, message: FromGateway) -> None:
        if isinstance(message, Ask):
            task = self._loop.create_task(self._listener.answer(message, self))
            self._calls[message.number] = task
            task.add_done_callback(lambda _: self._calls.pop(message.number, None))
            if self._beating is None:
                self._beating = self._loop.call_later(BEAT_S, self._beat)
        elif (call := self._calls.get(message.number)) is not None:
            call.cancel()

    def _beat(self) -> None:
        self._beating = None
        if self._calls and not self.gone.is_set():
            self.send(Beat())
            self._beating = self._loop.call_later(BEAT_S, self._beat)
