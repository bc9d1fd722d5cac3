"""Serve handles as stages: every exception of Ray becomes one of ours."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from ray.exceptions import ActorDiedError, RayTaskError, WorkerCrashedError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError

from caption_studio.deployments import handles
from caption_studio.deployments.handles import CaptionerHandle, DescriberHandle
from caption_studio.errors import (
    CaptionStudioError,
    ContextLengthExceeded,
    EngineFailure,
    NotReady,
    Overloaded,
)
from caption_studio.records import Adapter, CaptionDelta, Description, Prompt
from tests.fakes import PIXEL, sampling

pytestmark = pytest.mark.anyio

PROMPT = Prompt("r", "m", "text", sampling(), "quoted")
GROUP = (CaptionDelta(0, "Sea", 1, 7),)


def raised_in_the_replica(cause: Exception) -> Exception:
    """What a caller gets: of the cause's class too, but with Ray's attributes."""
    return RayTaskError("f", "traceback", cause).as_instanceof_cause()


FAILURES: list[tuple[Exception, type[CaptionStudioError]]] = [
    (raised_in_the_replica(ContextLengthExceeded("long", code="own")), ContextLengthExceeded),
    (raised_in_the_replica(ValueError("secret")), EngineFailure),
    (BackPressureError(1, 1), Overloaded),
    (ActorDiedError(), NotReady),
    (DeploymentUnavailableError("d"), NotReady),  # type: ignore[arg-type]
    (WorkerCrashedError(), EngineFailure),
]


class Method:
    """A method of a Serve handle: gives `result`, raises `failure`, or never answers."""

    def __init__(self, result: Any = None, failure: Exception | None = None) -> None:
        self.result = result
        self.failure = failure
        self.cancelled = 0

    def remote(self, *arguments: Any) -> Any:
        return self

    def __await__(self) -> Any:
        return self._answer().__await__()

    async def _answer(self) -> Any:
        if self.failure is not None:
            raise self.failure
        if self.result is None:
            await asyncio.Event().wait()
        return self.result

    async def __aiter__(self) -> AsyncIterator[Any]:
        yield GROUP
        yield await self._answer()

    def cancel(self) -> None:
        self.cancelled += 1


class Handle:
    def __init__(self, **answer: Any) -> None:
        self.method = Method(**answer)

    def options(self, **_: Any) -> "Handle":
        return self

    def __getattr__(self, _: str) -> Method:
        return self.method


async def test_results_pass() -> None:
    describer = DescriberHandle(Handle(result=Description("a cat")))  # type: ignore[arg-type]
    assert (await describer.describe(PIXEL, request_id="r")).text == "a cat"
    captioner = CaptionerHandle(Handle(result=GROUP))  # type: ignore[arg-type]
    for stream, groups in ((False, [GROUP]), (True, [GROUP, GROUP])):
        assert [g async for g in captioner.generate(PROMPT, stream=stream)] == groups
    adapter = Adapter("a", "x/a", digest="d")
    captioner = CaptionerHandle(Handle(result=adapter))  # type: ignore[arg-type]
    assert await captioner.load_adapter(Adapter("a", "x/a")) == adapter


@pytest.mark.parametrize(("failure", "expected"), FAILURES)
async def test_failures_become_ours(failure: Exception, expected: type[CaptionStudioError]) -> None:
    handle: Any = Handle(failure=failure)
    with pytest.raises(expected) as described:
        await DescriberHandle(handle).describe(PIXEL, request_id="r")
    assert type(described.value) is expected
    assert "secret" not in described.value.message
    with pytest.raises(expected):
        await CaptionerHandle(handle).load_adapter(Adapter("a", "x/a"))
    for stream in (False, True):
        with pytest.raises(expected):
            _ = [g async for g in CaptionerHandle(handle).generate(PROMPT, stream=stream)]


async def test_an_error_of_ours_keeps_what_it_was_raised_with() -> None:
    handle: Any = Handle(failure=FAILURES[0][0])
    with pytest.raises(ContextLengthExceeded) as refused:
        await DescriberHandle(handle).describe(PIXEL, request_id="r")
    assert (refused.value.message, refused.value.code) == ("long", "own")


async def test_leaving_a_stream_cancels_it_in_the_replica() -> None:
    handle: Any = Handle()
    groups = CaptionerHandle(handle).generate(PROMPT, stream=True)
    assert await anext(groups) == GROUP
    await groups.aclose()
    assert handle.method.cancelled == 1


async def test_a_stage_that_does_not_answer_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handles, "READY_TIMEOUT_S", 0.01)
    handle: Any = Handle()
    for stage in (DescriberHandle(handle), CaptionerHandle(handle)):
        with pytest.raises(NotReady) as refused:
            await stage.check_ready()
        assert refused.value.retry_after_s == 1
