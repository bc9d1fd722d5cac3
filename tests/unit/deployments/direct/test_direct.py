"""Both ends of direct calls on real sockets: answers, errors, strangers, lost replicas."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import msgspec
import pytest

from caption_studio.deployments.direct import connection as gateways_end
from caption_studio.deployments.direct import frames
from caption_studio.deployments.direct import listener as replicas_end
from caption_studio.deployments.direct.connection import (
    Answer,
    Connections,
    ReplicaFailed,
    ReplicaLost,
)
from caption_studio.deployments.direct.frames import (
    LENGTH_BYTES,
    MAX_FRAME_BYTES,
    Address,
    Ask,
    encoded,
)
from caption_studio.deployments.direct.listener import DirectListener
from caption_studio.errors import ContextLengthExceeded, Overloaded

pytestmark = pytest.mark.anyio

PATIENCE_S = 10.0
HOST = "127.0.0.1"


class Stage:
    """Methods that answer, fail, or wait until they are let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.left: asyncio.Queue[str] = asyncio.Queue()

    async def spell(self, word: str) -> AsyncGenerator[bytes]:
        for letter in word:
            yield letter.encode()

    async def wait(self, name: str) -> AsyncGenerator[bytes]:
        try:
            yield b"begun"
            await self.go.wait()
            yield b"done"
        finally:
            if not self.go.is_set():
                self.left.put_nowait(name)

    async def refuse(self, message: str) -> AsyncGenerator[bytes]:
        raise ContextLengthExceeded(message, code="own")
        yield b""

    async def fail(self, message: str) -> AsyncGenerator[bytes]:
        yield b"begun"
        raise ValueError(message)

    def methods(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("spell", "wait", "refuse", "fail")}


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
async def listener(stage: Stage) -> AsyncIterator[DirectListener]:
    listener = DirectListener(stage.methods(), most=50)
    yield listener
    stage.go.set()
    await listener.close(within_s=10)


@pytest.fixture
async def address(listener: DirectListener) -> Address:
    return await listener.start(HOST, "replica")


@pytest.fixture
async def connections() -> AsyncIterator[Connections]:
    connections = Connections()
    yield connections
    connections.close()


async def pieces(answer: Answer) -> list[bytes]:
    async with asyncio.timeout(PATIENCE_S):
        found = [piece async for piece in answer]
    answer.close()
    return found


async def ask(connections: Connections, address: Address, method: str, word: str) -> Answer:
    return (await connections.to(address)).ask(method, (word,))


async def test_each_call_gets_its_own_answer_in_order(
    connections: Connections, address: Address
) -> None:
    words = [f"word{number}" * number for number in range(40)]
    answers = [await ask(connections, address, "spell", word) for word in words]
    for word, answer in zip(words, answers, strict=True):
        assert b"".join(await pieces(answer)) == word.encode()


async def test_calls_that_begin_together_share_a_connection(
    connections: Connections, address: Address
) -> None:
    opened = await asyncio.gather(*(connections.to(address) for _ in range(5)))
    assert len(set(map(id, opened))) == 1


async def test_pieces_come_while_the_answer_is_written(
    connections: Connections, address: Address, stage: Stage
) -> None:
    answer = await ask(connections, address, "wait", "one")
    assert await anext(answer) == b"begun"
    stage.go.set()
    assert await pieces(answer) == [b"done"]


async def test_an_error_of_ours_keeps_what_it_was_raised_with(
    connections: Connections, address: Address
) -> None:
    with pytest.raises(ContextLengthExceeded) as refused:
        await pieces(await ask(connections, address, "refuse", "long"))
    assert (refused.value.message, refused.value.code) == ("long", "own")


class Unspeakable(ContextLengthExceeded):
    """An error that cannot be sent."""

    def __reduce__(self) -> Any:
        raise TypeError("secret")


@pytest.mark.parametrize("trouble", [asyncio.CancelledError(), Unspeakable("secret")])
async def test_a_call_always_has_an_end(
    connections: Connections, stage: Stage, trouble: BaseException
) -> None:
    async def end_oddly() -> AsyncGenerator[bytes]:
        raise trouble
        yield b""

    odd = DirectListener({"end_oddly": end_oddly}, most=2)
    address = await odd.start(HOST, "odd")
    for _ in range(3):  # and it takes no place afterwards
        with pytest.raises(ReplicaFailed):
            await pieces((await connections.to(address)).ask("end_oddly", ()))
    await odd.close(within_s=PATIENCE_S)


@pytest.mark.parametrize("method", ["fail", "no such method"])
async def test_any_other_error_stays_in_the_replica(
    connections: Connections,
    address: Address,
    method: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(ReplicaFailed) as failed:
        await pieces(await ask(connections, address, method, "secret"))
    assert "secret" not in str(failed.value)
    assert f"a call of {method} failed" in caplog.text


async def test_a_call_that_nobody_waits_for_ends(
    connections: Connections, address: Address, stage: Stage
) -> None:
    answer = await ask(connections, address, "wait", "one")
    assert await anext(answer) == b"begun"
    answer.close()
    async with asyncio.timeout(PATIENCE_S):
        assert await stage.left.get() == "one"
    assert await pieces(await ask(connections, address, "spell", "on")) == [b"o", b"n"]


async def test_the_calls_of_a_gateway_that_is_gone_end(
    connections: Connections, address: Address, stage: Stage
) -> None:
    for name in ("one", "two"):
        assert await anext(await ask(connections, address, "wait", name)) == b"begun"
    connections.close()
    async with asyncio.timeout(PATIENCE_S):
        assert {await stage.left.get(), await stage.left.get()} == {"one", "two"}


async def test_more_calls_than_there_is_room_for_are_refused(
    connections: Connections, stage: Stage
) -> None:
    small = DirectListener(stage.methods(), most=2)
    address = await small.start(HOST, "small")
    waiting = [await ask(connections, address, "wait", "one") for _ in range(2)]
    assert [await anext(answer) for answer in waiting] == [b"begun"] * 2
    with pytest.raises(Overloaded):
        await pieces(await ask(connections, address, "spell", "on"))
    stage.go.set()
    assert [await pieces(answer) for answer in waiting] == [[b"done"]] * 2
    assert await pieces(await ask(connections, address, "spell", "on")) == [b"o", b"n"]
    await small.close(within_s=10)


async def test_a_replica_that_stops_answers_first(
    connections: Connections, listener: DirectListener, address: Address, stage: Stage
) -> None:
    answer = await ask(connections, address, "wait", "one")
    assert await anext(answer) == b"begun"
    closing = asyncio.ensure_future(listener.close(within_s=10))
    await asyncio.sleep(0.01)
    assert not closing.done()
    stage.go.set()
    assert await pieces(answer) == [b"done"]
    await closing
    with pytest.raises(ReplicaLost):
        await pieces(await ask(connections, address, "spell", "on"))


async def test_the_calls_of_a_replica_that_dies_are_lost_and_it_is_known(
    connections: Connections, address: Address, listener: DirectListener
) -> None:
    answer = await ask(connections, address, "wait", "one")
    assert await anext(answer) == b"begun"
    assert not connections.is_lost(address)
    for incoming in tuple(listener._connections):
        incoming.abort()
    with pytest.raises(ReplicaLost):
        await pieces(answer)
    assert connections.is_lost(address)


async def test_a_replica_that_lives_on_is_connected_to_again(
    connections: Connections,
    address: Address,
    listener: DirectListener,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = await connections.to(address)
    first.abort()
    monkeypatch.setattr(gateways_end, "REOPEN_AFTER_S", 0.0)
    await asyncio.sleep(0.01)
    assert not connections.is_lost(address)
    assert await connections.to(address) is not first
    assert await pieces(await ask(connections, address, "spell", "on")) == [b"o", b"n"]


async def test_a_replica_that_is_not_there_is_lost(connections: Connections) -> None:
    gone = DirectListener({}, most=1)
    address = await gone.start(HOST, "gone")
    await gone.close(within_s=10)
    with pytest.raises(ReplicaLost):
        await connections.to(address)
    assert connections.is_lost(address)


async def raw(address: Address, data: bytes) -> bytes:
    """Send bytes to the listener; return what comes back until it closes."""
    reader, writer = await asyncio.open_connection(HOST, address.port)
    writer.write(data)
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    "data",
    [
        bytes(32) + b"\x00\x00\x00\x01\x90",
        b"GET / HTTP/1.1\r\nHost: somewhere.example\r\n\r\n",
    ],
    ids=["another secret", "HTTP"],
)
async def test_strangers_are_cut_off(address: Address, data: bytes) -> None:
    assert await raw(address, data) == b""


async def test_a_stranger_cannot_have_anything_unpickled(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[bytes] = []
    monkeypatch.setattr(replicas_end, "decoded", read.append)
    ask = msgspec.msgpack.encode(Ask(0, "spell", encoded(("on",))))
    assert await raw(address, bytes(32) + len(ask).to_bytes(LENGTH_BYTES) + ask) == b""
    assert not read


@pytest.mark.parametrize(
    "frame",
    [(MAX_FRAME_BYTES + 1).to_bytes(4), b"\x00\x00\x00\x01\xc1", b"\x00\x00\x00\x02\x91\x01"],
    ids=["too long", "no msgpack", "another shape"],
)
async def test_a_broken_frame_ends_its_connection_only(
    connections: Connections, address: Address, frame: bytes
) -> None:
    assert await raw(address, address.secret + frame) == b""
    assert await pieces(await ask(connections, address, "spell", "on")) == [b"o", b"n"]


async def test_who_never_says_the_secret_is_cut_off(
    listener: DirectListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas_end, "OPENING_TIMEOUT_S", 0.01)
    address = await listener.start(HOST, "replica")
    assert await raw(address, b"half a secret") == b""


async def test_a_frame_may_come_byte_by_byte(address: Address) -> None:
    ask = msgspec.msgpack.encode(Ask(7, "spell", encoded(("o",))))
    reader, writer = await asyncio.open_connection(HOST, address.port)
    for byte in address.secret + len(ask).to_bytes(LENGTH_BYTES) + ask:
        writer.write(bytes([byte]))
        await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE_S):
        length = int.from_bytes(await reader.readexactly(LENGTH_BYTES))
        assert msgspec.msgpack.decode(await reader.readexactly(length)) == [2, 7, b"o"]
    writer.close()


async def test_a_large_picture_passes_in_both_directions(
    connections: Connections, stage: Stage
) -> None:
    async def echo(data: bytes) -> AsyncGenerator[bytes]:
        yield data

    listener = DirectListener({"echo": echo}, most=1)
    address = await listener.start(HOST, "echo")
    data = bytes(range(256)) * 20_000
    answer = (await connections.to(address)).ask("echo", (data,))
    assert await pieces(answer) == [data]
    await listener.close(within_s=10)


async def test_what_is_too_long_harms_no_other_call(
    connections: Connections, address: Address, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = await ask(connections, address, "wait", "one")
    assert await anext(waiting) == b"begun"
    monkeypatch.setattr(frames, "MAX_FRAME_BYTES", 1000)
    with pytest.raises(ValueError, match="too long"):
        await ask(connections, address, "spell", "o" * 1000)
    stage.go.set()
    assert await pieces(waiting) == [b"done"]


async def test_a_slow_reader_gets_all_of_its_answer_from_a_replica_that_stops(
    connections: Connections,
) -> None:
    written: list[int] = []

    async def much() -> AsyncGenerator[bytes]:
        for number in range(1000):
            written.append(number)
            yield bytes(100_000)

    listener = DirectListener({"much": much}, most=1)
    connection = await connections.to(await listener.start(HOST, "much"))
    assert connection._transport is not None
    connection._transport.pause_reading()
    answer = connection.ask("much", ())
    await asyncio.sleep(0.1)
    assert len(written) < 1000  # it waits for its reader; the kernel holds up to 40 MB
    closing = asyncio.ensure_future(listener.close(within_s=PATIENCE_S))
    await asyncio.sleep(0.01)
    connection._transport.resume_reading()
    assert sum(map(len, await pieces(answer))) == 100_000_000
    await closing


async def test_a_replica_that_stops_cuts_off_what_takes_too_long(
    connections: Connections, address: Address, listener: DirectListener
) -> None:
    answer = await ask(connections, address, "wait", "one")
    assert await anext(answer) == b"begun"
    await listener.close(within_s=0.01)
    with pytest.raises((ReplicaLost, ReplicaFailed)):
        await pieces(answer)


async def test_a_replica_that_hangs_is_known_and_one_that_takes_long_is_not(
    connections: Connections,
    address: Address,
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gateways_end, "QUIET_S", 0.2)
    monkeypatch.setattr(replicas_end, "BEAT_S", 0.02)
    answer = await ask(connections, address, "wait", "one")
    assert await anext(answer) == b"begun"
    for _ in range(5):
        await asyncio.sleep(0.1)
        assert not connections.is_quiet(address)
    monkeypatch.setattr(replicas_end, "BEAT_S", 60.0)
    await asyncio.sleep(0.4)
    assert connections.is_quiet(address)
    assert not connections.is_lost(address)
    stage.go.set()
    assert await pieces(answer) == [b"done"]
    assert not connections.is_quiet(address)


async def test_an_answer_that_is_complete_cannot_be_lost_and_its_reader_shuns_nobody(
    connections: Connections,
    address: Address,
    listener: DirectListener,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gateways_end, "QUIET_S", 0.05)
    slow = await ask(connections, address, "spell", "word")
    await pieces(await ask(connections, address, "spell", "on"))  # the other is complete, too
    await asyncio.sleep(0.1)
    assert not connections.is_quiet(address)
    await listener.close(within_s=PATIENCE_S)
    await asyncio.sleep(0.1)
    assert connections.is_lost(address)
    assert b"".join(await pieces(slow)) == b"word"
