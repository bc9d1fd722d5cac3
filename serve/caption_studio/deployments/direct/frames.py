"""What passes over a direct connection: the listener's secret, then messages with their lengths."""

import asyncio
import pickle
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import msgspec

ADDRESS = "direct"
"""The name of a replica's `Address` in the metadata that Serve keeps of it."""

SECRET_BYTES = 32
LENGTH_BYTES = 4

MAX_FRAME_BYTES = 64 * 1024**2
"""Far above any picture or prompt; a connection that announces more is closed."""

UNSENT_BYTES = 64 * 1024
"""Messages of one turn of the loop that are gathered before they are written."""

SILENT_S = 30
"""A host that does not answer TCP, or takes nothing more, for this long counts as dead."""

OPENING_TIMEOUT_S = 2.0
"""Limit for connecting and for sending the secret."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a replica takes direct calls. `replica` is the id that Serve's routers know it by."""

    replica: str
    host: str
    port: int
    secret: bytes


class Ask(msgspec.Struct, array_like=True, frozen=True, tag=0):
    """Call `number`: a method of the stage, with its pickled arguments."""

    number: int
    method: str
    arguments: bytes


class Leave(msgspec.Struct, array_like=True, frozen=True, tag=1):
    """Nobody waits for call `number` any more."""

    number: int


class Piece(msgspec.Struct, array_like=True, frozen=True, tag=2):
    """The next piece of a call's answer."""

    number: int
    value: bytes


class End(msgspec.Struct, array_like=True, frozen=True, tag=3):
    """A call's answer is complete."""

    number: int


class Failed(msgspec.Struct, array_like=True, frozen=True, tag=4):
    """A call raised an error: one of ours, pickled; else empty, and the replica has logged it."""

    number: int
    error: bytes


class Beat(msgspec.Struct, array_like=True, frozen=True, tag=5):
    """The replica has calls under way, and its event loop turns."""


FromGateway = Ask | Leave
FromReplica = Piece | End | Failed | Beat


def encoded(value: object) -> bytes:
    """Return a call's arguments, or an error, as bytes."""
    return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)


def decoded(data: bytes) -> Any:
    """Return the value. Only for bytes of who knew the secret, or of a replica that Serve named."""
    return pickle.loads(data)


class Framed(asyncio.Protocol):
    """One end of a connection: all messages of one turn of the event loop go out in one write."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._encoder = msgspec.msgpack.Encoder()
        self._received = bytearray()
        self._unsent: list[bytes] = []
        self._unsent_bytes = 0
        self._transport: asyncio.Transport | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by class
        _end_if_silent(transport.get_extra_info("socket"))

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`; the other end reads too slowly."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._writable.set()

    def send(self, message: msgspec.Struct) -> None:
        """Send a message, or drop it if the connection is lost. Raises `ValueError`: too long."""
        if self._transport is None or self._transport.is_closing():
            return
        data = self._encoder.encode(message)
        if len(data) > MAX_FRAME_BYTES:
            raise ValueError("a message too long")
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent += (len(data).to_bytes(LENGTH_BYTES), data)
        self._unsent_bytes += len(data)
        if self._unsent_bytes > UNSENT_BYTES:
            self._flush()

    async def writable(self) -> None:
        """Return when the other end has read what it was sent, but for a small buffer."""
        if not self._writable.is_set():
            await self._writable.wait()

    def finish(self) -> None:
        """Close the connection once all that was sent has left."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def _flush(self) -> None:
        unsent, self._unsent, self._unsent_bytes = self._unsent, [], 0
        if unsent and self._transport is not None and not self._transport.is_closing():
            # Not `writelines`: asyncio's never calls `pause_writing` (3.12.1, 3.13.0).
            self._transport.write(b"".join(unsent))

    def _frames(self, data: bytes) -> Iterator[bytes]:
        """Yield the messages that are complete with `data`. Raises `ValueError` for a long one."""
        self._received += data
        start = 0
        while len(self._received) - start >= LENGTH_BYTES:
            length = int.from_bytes(self._received[start : start + LENGTH_BYTES])
            if length > MAX_FRAME_BYTES:
                raise ValueError("a frame too long")
            end = start + LENGTH_BYTES + length
            if len(self._received) < end:
                break
            yield bytes(self._received[start + LENGTH_BYTES : end])
            start = end
        del self._received[:start]


def _end_if_silent(connected: socket.socket) -> None:
    """Let the kernel notice a host that is gone without a word."""
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", SILENT_S // 2),
        ("TCP_KEEPINTVL", 1),
        ("TCP_KEEPCNT", SILENT_S // 2),
        ("TCP_USER_TIMEOUT", SILENT_S * 1000),
    ):
        if hasattr(socket, option):  # not on every system
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
