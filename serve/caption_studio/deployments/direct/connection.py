"""The gateway's end of direct calls: one connection for each replica that it asks."""

import asyncio
import contextvars
import itertools
import time
from collections import deque
from typing import Any, Self

import msgspec

from caption_studio.deployments.direct.frames import (
    OPENING_TIMEOUT_S,
    Address,
    Ask,
    Beat,
    Failed,
    Framed,
    FromReplica,
    Leave,
    Piece,
    decoded,
    encoded,
)

QUIET_S = 3.0
"""A replica with calls under way that says nothing for so long hangs, or its machine does; new
calls go to others. It says something every second (listener.BEAT_S)."""

REOPEN_AFTER_S = 1.0
"""How long a replica is not asked once its connection was lost, while Serve may still name it."""


class ReplicaLost(Exception):
    """The replica cannot be reached, or went away before its answer was complete."""


class ReplicaFailed(Exception):
    """The replica could not answer this call; its log tells why."""


class Answer:
    """The pieces of one call's answer, as they come. `close` must be called at the end."""

    def __init__(self, number: int, connection: "Connection") -> None:
        self._number = number
        self._connection = connection
        self._pieces: deque[bytes] = deque()
        self._error: Exception | None = None
        self._over = False
        self._waiter: asyncio.Future[None] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """Return the next piece. Raises what the stage raised, `ReplicaFailed`, `ReplicaLost`."""
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self._over:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._pieces.popleft()

    def put(self, piece: bytes) -> None:
        """Take a piece."""
        self._pieces.append(piece)
        self._wake()

    def end(self, error: Exception | None = None) -> None:
        """Note that nothing follows, or that `error` follows the pieces so far."""
        self._over, self._error = True, error
        self._wake()

    def close(self) -> None:
        """Forget the call; the replica learns of it if it has not answered yet."""
        self._connection.forget(self._number, told=not self._over)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Connection(Framed):
    """A connection to one replica, for any number of calls at a time."""

    def __init__(self, address: Address) -> None:
        super().__init__()
        self._secret = address.secret
        self._numbers = itertools.count()
        self._answers: dict[int, Answer] = {}
        self._decoder = msgspec.msgpack.Decoder(FromReplica)
        self._heard_at_s = 0.0
        self.lost_at_s: float | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether the replica has said nothing for long, though calls are under way."""
        return bool(self._answers) and time.monotonic() - self._heard_at_s > QUIET_S

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the secret."""
        super().connection_made(transport)
        if self._transport is not None:
            self._transport.write(self._secret)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let every call know."""
        self.lost_at_s = time.monotonic()
        for answer in tuple(self._answers.values()):
            answer.end(ReplicaLost())

    def data_received(self, data: bytes) -> None:
        """Hand each piece to its call."""
        self._heard_at_s = time.monotonic()
        try:
            for frame in self._frames(data):
                self._take(self._decoder.decode(frame))
        except (ValueError, msgspec.MsgspecError):
            self.abort()

    def ask(self, method: str, arguments: tuple[Any, ...]) -> Answer:
        """Call a method of the stage. Raises `ReplicaLost`, and `ValueError`: too much at once."""
        if self.lost_at_s is not None:
            raise ReplicaLost
        number = next(self._numbers)
        self.send(Ask(number, method, encoded(arguments)))
        if not self._answers:
            self._heard_at_s = time.monotonic()
        answer = self._answers[number] = Answer(number, self)
        return answer

    def forget(self, number: int, *, told: bool) -> None:
        """Drop a call; `told`: tell the replica that nobody waits for its answer."""
        if self._answers.pop(number, None) is not None and told:
            self.send(Leave(number))

    def _take(self, message: FromReplica) -> None:
        if isinstance(message, Beat):
            return
        if isinstance(message, Piece):
            if (answer := self._answers.get(message.number)) is not None:
                answer.put(message.value)
        # An answer that is complete only waits for its reader; a lost connection is nothing to it.
        elif (answer := self._answers.pop(message.number, None)) is not None:
            answer.end(_error(message.error) if isinstance(message, Failed) else None)


class Connections:
    """A gateway's connections; one is opened when the first call needs it."""

    def __init__(self) -> None:
        self._open: dict[Address, Connection] = {}
        self._opening: dict[Address, asyncio.Future[Connection]] = {}

    def close(self) -> None:
        """Close all of them."""
        for opening in self._opening.values():
            opening.cancel()
        for connection in self._open.values():
            connection.abort()

    def is_lost(self, address: Address) -> bool:
        """Tell whether the connection to this replica was lost a moment ago, or is tried again."""
        connection = self._open.get(address)
        if connection is None or connection.lost_at_s is None:
            return False
        return address in self._opening or time.monotonic() - connection.lost_at_s < REOPEN_AFTER_S

    def is_quiet(self, address: Address) -> bool:
        """Tell whether this replica cannot be reached, or seems to hang."""
        connection = self._open.get(address)
        return connection is not None and (connection.is_quiet or self.is_lost(address))

    async def to(self, address: Address) -> Connection:
        """Return an open connection. Raises `ReplicaLost`."""
        connection = self._open.get(address)
        if connection is None or connection.lost_at_s is not None:
            if address not in self._opening:
                # Without the context of the call that happens to be the first.
                opening = asyncio.get_running_loop().create_task(
                    self._opened(address), context=contextvars.Context()
                )
                self._opening[address] = opening
                opening.add_done_callback(lambda _: self._opening.pop(address))
            connection = await asyncio.shield(self._opening[address])
        if connection.lost_at_s is not None:
            raise ReplicaLost
        return connection

    async def _opened(self, address: Address) -> Connection:
        """Open one, or return one that counts as lost."""
        self._forget_old_ones()
        connection = Connection(address)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(OPENING_TIMEOUT_S):
                await loop.create_connection(lambda: connection, address.host, address.port)
        except (OSError, TimeoutError):
            connection.abort()
            connection.lost_at_s = time.monotonic()
        self._open[address] = connection
        return connection

    def _forget_old_ones(self) -> None:
        for address in [one for one in self._open if self._is_old(one)]:
            del self._open[address]  # else those of replicas that are gone would gather

    def _is_old(self, address: Address) -> bool:
        return self._open[address].lost_at_s is not None and not self.is_lost(address)


def _error(data: bytes) -> Exception:
    try:
        error: Exception = decoded(data) if data else ReplicaFailed()
    except Exception:  # whatever its class does
        return ReplicaFailed()
    return error
