"""Serve handles as stages: every exception of Ray becomes one of ours."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextvars import ContextVar
from typing import Any

import msgspec
import pytest
from ray.exceptions import ActorDiedError, RayTaskError, WorkerCrashedError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError

from caption_studio.deployments import handles
from caption_studio.deployments.handles import CaptionerHandle, DescriberHandle
from caption_studio.deployments.streaming.listener import RelayListener
from caption_studio.deployments.streaming.packed import Packed
from caption_studio.deployments.streaming.relay import Ticket
from caption_studio.deployments.streaming.sender import RelaySender
from caption_studio.errors import (
    CaptionStudioError,
    ContextLengthExceeded,
    EngineFailure,
    NotReady,
    Overloaded,
)
from caption_studio.records import Adapter, CaptionDelta, DeltaGroup, Description, Prompt
from tests.fakes import PIXEL, sampling

pytestmark = pytest.mark.anyio

PROMPT = Prompt("r", "m", "text", sampling(), "quoted")
GROUP = (CaptionDelta(0, "Sea", 1, 7),)
SENDER: ContextVar[RelaySender] = ContextVar("sender")


def packed(*groups: DeltaGroup) -> Packed:
    return Packed(len(groups), tuple(map(msgspec.msgpack.encode, enumerate(groups))))


def raised_in_the_replica(cause: Exception) -> Exception:
    """What a caller gets: of the cause's class too, but with Ray's attributes."""
    return RayTaskError("f", "traceback", cause).as_instanceof_cause()


FAILURES: list[tuple[Exception, type[CaptionStudioError]]] = [
    (raised_in_the_replica(ContextLengthExceeded("long", code="own")), ContextLengthExceeded),
    (raised_in_the_replica(ValueError("secret")), EngineFailure),
    (ContextLengthExceeded("long", code="own"), ContextLengthExceeded),
    (ValueError("secret"), EngineFailure),
    (BackPressureError(1, 1), Overloaded),
    (ActorDiedError(), NotReady),
    (DeploymentUnavailableError("d"), NotReady),  # type: ignore[arg-type]
    (WorkerCrashedError(), EngineFailure),
]


class Method:
    """A method of a Serve handle: gives `result`, raises `failure`, or waits until it has `failed`.

    The replicas of its first `lost` calls die. Called with a ticket it sends `ahead` there
    first, as a captioner's replica does.
    """

    def __init__(
        self,
        result: Any = None,
        failure: Exception | None = None,
        ahead: Sequence[tuple[CaptionDelta, ...]] = (),
        lost: int = 0,
    ) -> None:
        self.lost = lost
        self.result = result
        self.failure = failure
        self.ahead = ahead
        self.failed = asyncio.Event()
        self.asked = self.cancelled = 0

    def remote(self, *arguments: Any) -> Any:
        self.asked += 1
        for argument in arguments:
            if isinstance(argument, Ticket):
                for position, group in enumerate(self.ahead):
                    SENDER.get().send(argument, position, group)
        return self

    def __await__(self) -> Any:
        return self._answer().__await__()

    async def _answer(self) -> Any:
        if self.asked <= self.lost:
            raise ActorDiedError
        if self.failure is not None:
            raise self.failure
        if self.result is None:
            await self.failed.wait()
            raise ActorDiedError
        return self.result

    def cancel(self) -> None:
        self.cancelled += 1


def awake(deployment: str) -> bool:
    return False


ASKED: Any = {"request_id": "r", "traceparent": None, "request_class": "online"}


class Handle:
    deployment_name = "Stage"

    def __init__(self, **answer: Any) -> None:
        self.method = Method(**answer)

    def __getattr__(self, _: str) -> Method:
        return self.method


@pytest.fixture
async def relay() -> AsyncIterator[RelayListener]:
    """Give a relay whose other end sends what a `Method` has for it."""
    listener, sender = RelayListener("127.0.0.1"), RelaySender()
    SENDER.set(sender)
    await listener.start()
    yield listener
    sender.close()
    await listener.close()


async def test_results_pass(relay: RelayListener) -> None:
    describer = DescriberHandle(Handle(result=Description("a cat")), awake)  # type: ignore[arg-type]
    assert (await describer.describe(PIXEL, **ASKED)).text == "a cat"
    captioner = CaptionerHandle(Handle(result=packed(GROUP)), relay, awake)  # type: ignore[arg-type]
    assert [g async for g in captioner.generate(PROMPT, stream=False)] == [GROUP]
    adapter = Adapter("a", "x/a", digest="d")
    captioner = CaptionerHandle(Handle(result=adapter), relay, awake)  # type: ignore[arg-type]
    assert await captioner.load_adapter(Adapter("a", "x/a")) == adapter


@pytest.mark.parametrize(("failure", "expected"), FAILURES)
async def test_failures_become_ours(
    failure: Exception, expected: type[CaptionStudioError], relay: RelayListener
) -> None:
    handle: Any = Handle(failure=failure)
    with pytest.raises(expected) as described:
        await DescriberHandle(handle, awake).describe(PIXEL, **ASKED)
    assert type(described.value) is expected
    assert "secret" not in described.value.message
    with pytest.raises(expected):
        await CaptionerHandle(handle, relay, awake).load_adapter(Adapter("a", "x/a"))
    for stream in (False, True):
        with pytest.raises(expected):
            _ = [
                g
                async for g in CaptionerHandle(handle, relay, awake).generate(PROMPT, stream=stream)
            ]


async def test_an_error_of_ours_keeps_what_it_was_raised_with() -> None:
    handle: Any = Handle(failure=FAILURES[0][0])
    with pytest.raises(ContextLengthExceeded) as refused:
        await DescriberHandle(handle, awake).describe(PIXEL, **ASKED)
    assert (refused.value.message, refused.value.code) == ("long", "own")


@pytest.mark.parametrize("arrived", [0, 1, 2, 3])
async def test_a_stream_is_whole_however_much_of_it_was_sent_ahead(
    arrived: int, relay: RelayListener
) -> None:
    groups = tuple((CaptionDelta(0, text, 1, 7),) for text in ("A ", "red ", "bus"))
    handle: Any = Handle(result=packed(*groups), ahead=groups[:arrived])
    streamed = CaptionerHandle(handle, relay, awake).generate(PROMPT, stream=True)
    assert tuple([group async for group in streamed]) == groups


async def test_groups_sent_ahead_are_read_while_the_answer_is_written(
    relay: RelayListener,
) -> None:
    handle: Any = Handle(ahead=[GROUP, GROUP])  # and no result ever
    streamed = CaptionerHandle(handle, relay, awake).generate(PROMPT, stream=True)
    assert [await anext(streamed), await anext(streamed)] == [GROUP, GROUP]
    await streamed.aclose()


async def test_an_answer_that_has_begun_is_not_begun_again(relay: RelayListener) -> None:
    handle: Any = Handle(ahead=[GROUP])
    streamed = CaptionerHandle(handle, relay, awake).generate(PROMPT, stream=True)
    assert await anext(streamed) == GROUP
    handle.method.failed.set()
    with pytest.raises(NotReady):
        await anext(streamed)
    assert handle.method.asked == 1


async def test_a_call_whose_replica_dies_is_made_once_more(relay: RelayListener) -> None:
    described = Description("a cat")
    handle: Any = Handle(result=described, lost=1)
    assert await DescriberHandle(handle, awake).describe(PIXEL, **ASKED) == described
    for stream in (False, True):
        handle = Handle(result=packed(GROUP), lost=1)
        groups = CaptionerHandle(handle, relay, awake).generate(PROMPT, stream=stream)
        assert [group async for group in groups] == [GROUP]
        assert handle.method.asked == 2


async def test_a_call_is_not_made_a_third_time(relay: RelayListener) -> None:
    for stream in (False, True):
        handle: Any = Handle(result=packed(GROUP), lost=2)
        groups = CaptionerHandle(handle, relay, awake).generate(PROMPT, stream=stream)
        with pytest.raises(NotReady):
            await anext(groups)
        assert handle.method.asked == 2


async def test_leaving_a_stream_cancels_it_in_the_replica(relay: RelayListener) -> None:
    handle: Any = Handle(ahead=[GROUP])
    groups = CaptionerHandle(handle, relay, awake).generate(PROMPT, stream=True)
    assert await anext(groups) == GROUP
    await groups.aclose()
    assert handle.method.cancelled == 1


async def test_a_stage_that_does_not_answer_is_not_ready(
    monkeypatch: pytest.MonkeyPatch, relay: RelayListener
) -> None:
    monkeypatch.setattr(handles, "READY_TIMEOUT_S", 0.01)
    handle: Any = Handle()
    for stage in (DescriberHandle(handle, awake), CaptionerHandle(handle, relay, awake)):
        with pytest.raises(NotReady) as refused:
            await stage.check_ready()
        assert refused.value.retry_after_s == 1


async def test_a_sleeping_stage_is_ready_and_is_not_woken_to_say_so(relay: RelayListener) -> None:
    asked = []

    def asleep(deployment: str) -> bool:
        asked.append(deployment)
        return True

    handle: Any = Handle(failure=AssertionError("woken"))
    await DescriberHandle(handle, asleep).check_ready()
    await CaptionerHandle(handle, relay, asleep).check_ready()
    assert asked == ["Stage", "Stage"]
