"""The relay's two ends on real sockets: order, strangers, slow and absent readers."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from caption_studio.deployments.streaming import listener as relay_listener
from caption_studio.deployments.streaming import sender as relay_sender
from caption_studio.deployments.streaming.listener import Live, RelayListener
from caption_studio.deployments.streaming.relay import LENGTH_BYTES, MAX_FRAME_BYTES, Frame
from caption_studio.deployments.streaming.sender import RelaySender
from caption_studio.records import CaptionDelta, DeltaGroup, TokenLogprob

pytestmark = pytest.mark.anyio

PATIENCE_S = 10.0


@pytest.fixture
async def listener() -> AsyncIterator[RelayListener]:
    listener = RelayListener("127.0.0.1")
    await listener.start()
    yield listener
    await listener.close()


@pytest.fixture
async def sender() -> AsyncIterator[RelaySender]:
    sender = RelaySender()
    yield sender
    sender.close()


def group(text: str) -> DeltaGroup:
    return (CaptionDelta(0, text, 1, 7),)


async def read(live: Live, count: int) -> list[DeltaGroup]:
    groups = aiter(live)
    async with asyncio.timeout(PATIENCE_S):
        return [await anext(groups) for _ in range(count)]


async def test_groups_arrive_whole_and_in_order(
    listener: RelayListener, sender: RelaySender
) -> None:
    token = TokenLogprob(b"\xf0\x9f", -0.5, (TokenLogprob(b"a", -1.0),))
    groups = [
        (CaptionDelta(0, "Sea", 1, 7), CaptionDelta(1, "🌊", 2, 7, "stop", (token,))),
        *(group(str(number)) for number in range(50)),
    ]
    with listener.live() as live:
        for position, one in enumerate(groups):
            sender.send(live.ticket, position, one)
        assert await read(live, len(groups)) == groups


async def test_each_answer_gets_its_own(listener: RelayListener, sender: RelaySender) -> None:
    with listener.live() as first, listener.live() as second:
        sender.send(second.ticket, 0, group("second"))
        sender.send(first.ticket, 0, group("first"))
        assert await read(first, 1) == [group("first")]
        assert await read(second, 1) == [group("second")]


async def test_nothing_follows_a_group_that_went_missing(
    listener: RelayListener, sender: RelaySender
) -> None:
    with listener.live() as live, listener.live() as other:
        sender.send(live.ticket, 0, group("A"))
        sender.send(live.ticket, 2, group("late"))
        sender.send(other.ticket, 0, group("all is read up to here"))
        await read(other, 1)
        live.end()
        assert [one async for one in live] == [group("A")]


async def test_a_group_for_an_answer_that_is_over_harms_nobody(
    listener: RelayListener, sender: RelaySender
) -> None:
    with listener.live() as over:
        pass
    with listener.live() as live:
        sender.send(over.ticket, 0, group("too late"))
        sender.send(live.ticket, 0, group("in time"))
        assert await read(live, 1) == [group("in time")]


async def raw(live: Live, data: bytes) -> bytes:
    """Send bytes to the listener; return what comes back until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", live.ticket.port)
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
async def test_strangers_are_cut_off(listener: RelayListener, data: bytes) -> None:
    with listener.live() as live:
        assert await raw(live, data) == b""
        live.end()
        assert [one async for one in live] == []


@pytest.mark.parametrize(
    "frame",
    [(MAX_FRAME_BYTES + 1).to_bytes(4), b"\x00\x00\x00\x01\xc1", b"\x00\x00\x00\x02\x91\x01"],
    ids=["too long", "no msgpack", "another shape"],
)
async def test_a_broken_frame_ends_its_connection_only(
    listener: RelayListener, sender: RelaySender, frame: bytes
) -> None:
    with listener.live() as live:
        assert await raw(live, live.ticket.secret + frame) == b""
        sender.send(live.ticket, 0, group("well"))
        assert await read(live, 1) == [group("well")]


async def test_who_never_says_the_secret_is_cut_off(
    listener: RelayListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_listener, "OPENING_TIMEOUT_S", 0.01)
    with listener.live() as live:
        assert await raw(live, b"half a secret") == b""


async def test_a_frame_may_come_byte_by_byte(listener: RelayListener) -> None:
    with listener.live() as live:
        frame = msgspec.msgpack.encode(Frame(live.ticket.number, 0, group("slowly")))
        _, writer = await asyncio.open_connection("127.0.0.1", live.ticket.port)
        for byte in live.ticket.secret + len(frame).to_bytes(LENGTH_BYTES) + frame:
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        assert await read(live, 1) == [group("slowly")]
        writer.close()


async def test_a_gateway_that_is_gone_costs_nothing_and_is_tried_again(
    listener: RelayListener, sender: RelaySender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_sender, "REOPEN_AFTER_S", 0.0)
    gone = RelayListener("127.0.0.1")
    await gone.start()
    with gone.live() as live:
        ticket = live.ticket
    await gone.close()
    for position in range(10):
        sender.send(ticket, position, group("to nobody"))
        await asyncio.sleep(0.001)
    with listener.live() as live:
        sender.send(live.ticket, 0, group("to somebody"))
        assert await read(live, 1) == [group("to somebody")]


async def test_a_gateway_that_does_not_read_costs_a_bounded_buffer(
    sender: RelaySender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_sender, "MAX_UNSENT_BYTES", 1000)
    listener = RelayListener("127.0.0.1")
    await listener.start()
    with listener.live() as live:
        for position in range(100):  # no turn of the loop: nothing is sent meanwhile
            sender.send(live.ticket, position, group("x" * 100))
        assert await read(live, 5) == [group("x" * 100)] * 5
        live.end()
        assert len([one async for one in live]) < 10
    await listener.close()
