"""The stages as a gateway sees them: failures become ours, a lost call is made once more."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Any

import msgspec
import pytest
from ray.exceptions import ActorDiedError, RayTaskError, WorkerCrashedError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError

from caption_studio.deployments import handles
from caption_studio.deployments.direct.connection import Connections
from caption_studio.deployments.direct.frames import Address
from caption_studio.deployments.direct.listener import DirectListener
from caption_studio.deployments.direct.pieces import pieces_of
from caption_studio.deployments.handles import CaptionerHandle, DescriberHandle
from caption_studio.deployments.routing import known
from caption_studio.errors import (
    CaptionStudioError,
    ContextLengthExceeded,
    EngineFailure,
    NotReady,
    Overloaded,
)
from caption_studio.records import (
    Adapter,
    CaptionDelta,
    DeltaGroup,
    Described,
    Description,
    Prompt,
)
from tests.fakes import PIXEL, sampling

pytestmark = pytest.mark.anyio

PROMPT = Prompt("r", "m", "text", sampling(), "quoted")
GROUP = (CaptionDelta(0, "Sea", 1, 7),)
DESCRIBED = Described(Description("a cat", 0.5), 0.1, 0.2, "miss")
ASKED: Any = {"request_id": "r", "traceparent": None, "request_class": "online"}


LISTENERS: list[DirectListener] = []


class Replica:
    """A stage's replica: it answers `groups` and `DESCRIBED`, or raises `failure`.

    The first `lost` calls lose their connection, after `sent` groups. Where it `hangs`, it waits
    after its groups until the call is cancelled.
    """

    def __init__(
        self,
        groups: Sequence[DeltaGroup] = (GROUP,),
        failure: Exception | None = None,
        lost: int = 0,
        sent: int = 0,
        hangs: bool = False,
    ) -> None:
        self.groups, self.failure, self.hangs = groups, failure, hangs
        self.lost, self.sent = lost, sent
        self.asked = 0
        self.cancelled = asyncio.Event()
        self.listener = DirectListener(
            {"describe": self.describe, "generate": self.generate}, most=10
        )
        LISTENERS.append(self.listener)

    async def describe(self, *_: object) -> AsyncGenerator[bytes]:
        await self._begin(0)
        yield msgspec.msgpack.encode(DESCRIBED)

    async def generate(self, prompt: Prompt, stream: bool) -> AsyncGenerator[bytes]:
        async for piece in pieces_of(self._groups()):
            yield piece

    async def _groups(self) -> AsyncIterator[DeltaGroup]:
        for group in self.groups[: self.sent]:
            yield group
        await self._begin(self.sent)
        for group in self.groups[self.sent :]:
            yield group
        try:
            if self.hangs:
                await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    async def _begin(self, sent: int) -> None:
        self.asked += 1
        await asyncio.sleep(0.01 if sent else 0)  # what was sent is on its way
        if self.asked <= self.lost:
            for incoming in tuple(self.listener._connections):
                incoming.abort()
        if self.failure is not None:
            raise self.failure


class Handle:
    """A Serve handle: `address` gives the replica's, and `failure` is what a call raises."""

    deployment_name = "Stage"
    deployment_id = "Stage in application"

    def __init__(
        self, address: Address | None = None, failure: Exception | None = None, hangs: bool = False
    ) -> None:
        self._address, self._failure, self._hangs = address, failure, hangs

    def __getattr__(self, name: str) -> Any:
        return self

    def remote(self, *arguments: Any) -> Any:
        return self._answer(*arguments)

    async def _answer(self, *arguments: Any) -> Any:
        if self._failure is not None:
            raise self._failure
        if self._hangs:
            await asyncio.sleep(60)
        return arguments[0] if arguments else self._address


class Router:
    """A stage's router that takes the first replica that can be reached."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._addresses = addresses
        self.under_way: list[str] = []

    def pick(self, asked: object, is_lost: Callable[[Address], bool]) -> Address | None:
        return next((one for one in self._addresses if not is_lost(one)), None)

    def begun(self, replica: str) -> None:
        self.under_way.append(replica)

    def ended(self, replica: str) -> None:
        self.under_way.remove(replica)


def raised_in_the_replica(cause: Exception) -> Exception:
    """What a caller of a handle gets: of the cause's class too, but with Ray's attributes."""
    return RayTaskError("f", "traceback", cause).as_instanceof_cause()


IN_THE_REPLICA: list[tuple[Exception, type[CaptionStudioError]]] = [
    (ContextLengthExceeded("long", code="own"), ContextLengthExceeded),
    (ValueError("secret"), EngineFailure),
]
IN_SERVE: list[tuple[Exception, type[CaptionStudioError]]] = [
    (raised_in_the_replica(ContextLengthExceeded("long", code="own")), ContextLengthExceeded),
    (raised_in_the_replica(ValueError("secret")), EngineFailure),
    (BackPressureError(1, 1), Overloaded),
    (ActorDiedError(), NotReady),
    (DeploymentUnavailableError("d"), NotReady),  # type: ignore[arg-type]
    (WorkerCrashedError(), EngineFailure),
]


def awake(deployment: str) -> bool:
    return False


class Stages:
    """Both stages over one replica, or over a handle that never gives an address."""

    def __init__(self, handle: Any, connections: Connections) -> None:
        self.describer = DescriberHandle(handle, connections, awake)
        self.captioner = CaptionerHandle(handle, connections, awake)

    async def describe(self) -> Described:
        return await self.describer.describe(PIXEL, **ASKED)

    def generate(self, *, stream: bool) -> AsyncGenerator[DeltaGroup]:
        return self.captioner.generate(PROMPT, stream=stream)

    async def groups(self, *, stream: bool) -> list[DeltaGroup]:
        return [group async for group in self.generate(stream=stream)]


@pytest.fixture
async def connections() -> AsyncIterator[Connections]:
    connections = Connections()
    yield connections
    connections.close()
    while LISTENERS:
        await LISTENERS.pop().close(within_s=10)
    known.routers.clear()


async def over(replica: Replica, connections: Connections) -> Stages:
    return Stages(Handle(await replica.listener.start("127.0.0.1", "one")), connections)


async def test_results_pass(connections: Connections) -> None:
    stages = await over(Replica(), connections)
    assert await stages.describe() == DESCRIBED
    for stream in (False, True):
        assert await stages.groups(stream=stream) == [GROUP]
    adapter = Adapter("a", "x/a", digest="d")
    assert await stages.captioner.load_adapter(adapter) == adapter


@pytest.mark.parametrize(("failure", "expected"), IN_THE_REPLICA)
async def test_failures_in_the_replica_become_ours(
    failure: Exception, expected: type[CaptionStudioError], connections: Connections
) -> None:
    stages = await over(Replica(failure=failure), connections)
    with pytest.raises(expected) as described:
        await stages.describe()
    assert type(described.value) is expected
    assert "secret" not in described.value.message
    for stream in (False, True):
        with pytest.raises(expected):
            await stages.groups(stream=stream)


@pytest.mark.parametrize(("failure", "expected"), IN_SERVE)
async def test_failures_of_serve_become_ours(
    failure: Exception, expected: type[CaptionStudioError], connections: Connections
) -> None:
    stages = Stages(Handle(failure=failure), connections)
    with pytest.raises(expected) as described:
        await stages.describe()
    assert type(described.value) is expected
    assert "secret" not in described.value.message
    with pytest.raises(expected):
        await stages.captioner.load_adapter(Adapter("a", "x/a"))
    for stream in (False, True):
        with pytest.raises(expected):
            await stages.groups(stream=stream)


async def test_an_error_of_ours_keeps_what_it_was_raised_with(connections: Connections) -> None:
    for stages in (
        await over(Replica(failure=IN_THE_REPLICA[0][0]), connections),
        Stages(Handle(failure=IN_SERVE[0][0]), connections),
    ):
        with pytest.raises(ContextLengthExceeded) as refused:
            await stages.describe()
        assert (refused.value.message, refused.value.code) == ("long", "own")


async def test_groups_are_read_while_the_answer_is_written(connections: Connections) -> None:
    replica = Replica([GROUP, GROUP], hangs=True)
    streamed = (await over(replica, connections)).generate(stream=True)
    assert [await anext(streamed), await anext(streamed)] == [GROUP, GROUP]
    await streamed.aclose()


async def test_an_answer_that_has_begun_is_not_begun_again(connections: Connections) -> None:
    replica = Replica([GROUP, GROUP], lost=1, sent=1)
    streamed = (await over(replica, connections)).generate(stream=True)
    assert await anext(streamed) == GROUP
    with pytest.raises(NotReady):
        await anext(streamed)
    assert replica.asked == 1


async def test_a_call_whose_replica_dies_is_made_once_more(connections: Connections) -> None:
    replica = Replica(lost=1)
    assert await (await over(replica, connections)).describe() == DESCRIBED
    for stream in (False, True):
        replica = Replica(lost=1)
        assert await (await over(replica, connections)).groups(stream=stream) == [GROUP]
        assert replica.asked == 2


async def test_a_call_is_not_made_a_third_time(connections: Connections) -> None:
    for stream in (False, True):
        replica = Replica(lost=2)
        with pytest.raises(NotReady):
            await (await over(replica, connections)).groups(stream=stream)
        assert replica.asked == 2


async def test_the_second_call_goes_to_a_replica_that_can_be_reached(
    connections: Connections,
) -> None:
    """Serve may name a dead replica for seconds."""
    dying, well = Replica(lost=1), Replica()
    addresses = [await one.listener.start("127.0.0.1", "one") for one in (dying, well)]

    router = known.routers[Handle.deployment_id] = Router(addresses)
    stages = Stages(Handle(failure=AssertionError("asked Serve")), connections)
    assert await stages.describe() == DESCRIBED
    assert (dying.asked, well.asked) == (1, 1)
    assert not router.under_way


async def test_leaving_a_stream_cancels_it_in_the_replica(connections: Connections) -> None:
    replica = Replica(hangs=True)
    address = await replica.listener.start("127.0.0.1", "one")
    router = known.routers[Handle.deployment_id] = Router([address])
    groups = Stages(Handle(), connections).generate(stream=True)
    assert await anext(groups) == GROUP
    assert router.under_way == ["one"]
    await groups.aclose()
    async with asyncio.timeout(10):
        await replica.cancelled.wait()
    assert not router.under_way


async def test_a_stage_that_does_not_answer_is_not_ready(
    monkeypatch: pytest.MonkeyPatch, connections: Connections
) -> None:
    monkeypatch.setattr(handles, "READY_TIMEOUT_S", 0.01)
    stages = Stages(Handle(hangs=True), connections)
    for stage in (stages.describer, stages.captioner):
        with pytest.raises(NotReady) as refused:
            await stage.check_ready()
        assert refused.value.retry_after_s == 1


async def test_a_sleeping_stage_is_ready_and_is_not_woken_to_say_so(
    connections: Connections,
) -> None:
    asked = []

    def asleep(deployment: str) -> bool:
        asked.append(deployment)
        return True

    handle: Any = Handle(failure=AssertionError("woken"))
    await DescriberHandle(handle, connections, asleep).check_ready()
    await CaptionerHandle(handle, connections, asleep).check_ready()
    assert asked == ["Stage", "Stage"]
