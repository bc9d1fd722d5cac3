"""Serve's own routing loop, with our choice in it, over replicas that are only counted."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from ray.serve._private.common import (
    DeploymentHandleSource,
    DeploymentID,
    ReplicaID,
    RequestMetadata,
)
from ray.serve.request_router import PendingRequest

from caption_studio.deployments.direct.frames import ADDRESS, Address
from caption_studio.deployments.routing import known
from caption_studio.deployments.routing.router import (
    AdapterRouter,
    AffinityRouter,
    PictureRouter,
    by_adapter,
    by_picture,
)
from caption_studio.records import Adapter, Pixels, Prompt
from tests.fakes import sampling

pytestmark = pytest.mark.anyio

DEPLOYMENT = DeploymentID("Stage", "application")


@dataclass(eq=False)
class Replica:
    """What the router asks of a replica. One that is `silent` never tells its load."""

    name: str
    max_ongoing_requests: int = 100
    silent: bool = False
    load: int = 0
    replica_metadata: dict[str, Any] = field(default_factory=dict)
    replica_id: ReplicaID = field(init=False)

    def __post_init__(self) -> None:
        self.replica_id = ReplicaID(self.name, DEPLOYMENT)

    async def get_queue_len(self, *, deadline_s: float) -> int:
        if self.silent:
            await asyncio.sleep(60)
        return self.load


def replicas(count: int) -> list[Replica]:
    return [Replica(f"replica{number}") for number in range(count)]


def addressed(count: int) -> list[Replica]:
    """Replicas that take direct calls."""
    fleet = replicas(count)
    for one in fleet:
        one.replica_metadata = {ADDRESS: Address(one.name, "127.0.0.1", 1, one.name.encode())}
    return fleet


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    yield
    known.routers.clear()


async def started(kind: type[AffinityRouter], over: list[Replica], **state: Any) -> AffinityRouter:
    """Return a router that has asked each replica for its load."""
    router = kind(
        deployment_id=DEPLOYMENT,
        handle_source=DeploymentHandleSource.REPLICA,
        use_replica_queue_len_cache=True,
    )
    router.initialize_state(**{"remembers": True, **state})
    router.update_replicas(over)  # type: ignore[arg-type]
    loads = router.replica_queue_len_cache
    for _ in range(100):
        if all(loads.get(one.replica_id) is not None for one in over if not one.silent):
            break
        await asyncio.sleep(0)
    return router


def asking(argument: Any, request_id: str = "one") -> PendingRequest:
    return PendingRequest(
        args=[argument],
        kwargs={},
        metadata=RequestMetadata(request_id=request_id, internal_request_id=request_id),
    )


async def chosen(router: AffinityRouter, argument: Any, request_id: str = "one") -> str:
    """Return the replica's name; the call ends at once."""
    call = asking(argument, request_id)
    async with asyncio.timeout(10):
        replica = await router._choose_replica_for_request(call)
    return replica.replica_id.unique_id


def picture(number: int) -> Pixels:
    return Pixels(bytes([number % 256, number // 256, 0]), 1, 1)


def prompt(adapter: str | None) -> Prompt:
    return Prompt(
        "r",
        "m",
        "text",
        sampling(),
        "quoted",
        adapter=None if adapter is None else Adapter(adapter, "folder"),
    )


async def test_equal_pictures_go_to_one_replica_and_others_elsewhere() -> None:
    router = await started(PictureRouter, replicas(4))
    first = [await chosen(router, picture(number)) for number in range(40)]
    again = [await chosen(router, picture(number)) for number in range(40)]
    assert first == again
    assert len(set(first)) == 4


async def test_gateways_agree_whatever_order_they_heard_of_the_replicas() -> None:
    fleet = replicas(4)
    one = await started(PictureRouter, fleet)
    other = await started(PictureRouter, fleet[::-1])
    for number in range(40):
        assert await chosen(one, picture(number)) == await chosen(other, picture(number))


async def test_a_new_picture_goes_to_the_less_busy_of_its_two_replicas() -> None:
    fleet = replicas(2)
    router = await started(PictureRouter, fleet)
    assert len({await chosen(router, picture(number)) for number in range(20)}) == 2
    fleet[0].load = 1
    router = await started(PictureRouter, fleet)
    new = {await chosen(router, picture(number)) for number in range(20)}
    assert new == {fleet[1].name}


async def test_a_picture_that_came_before_goes_to_its_own_replica_even_if_that_is_busier() -> None:
    fleet = replicas(2)
    own = await started(PictureRouter, fleet)
    fleet[0].load = 1
    router = await started(PictureRouter, fleet)
    for number in range(20):
        await chosen(router, picture(number))
        assert await chosen(router, picture(number)) == await chosen(own, picture(number))


async def test_new_pictures_are_shared_out_as_evenly_as_by_two_choices() -> None:
    fleet = replicas(8)
    router = await started(PictureRouter, fleet)
    for number in range(400):
        replica = await router._choose_replica_for_request(asking(picture(number)))
        router.on_send_request(replica.replica_id)
    loads = [router.replica_queue_len_cache.get(one.replica_id) for one in fleet]
    assert max(load or 0 for load in loads) <= 400 / 8 + 3


async def test_a_hot_picture_does_not_overload_its_replica() -> None:
    router = await started(PictureRouter, replicas(4))
    counts: dict[str, int] = {}
    for _ in range(100):
        call = asking(picture(1))
        replica = await router._choose_replica_for_request(call)
        router.on_send_request(replica.replica_id)  # and it goes on
        name = replica.replica_id.unique_id
        counts[name] = counts.get(name, 0) + 1
    assert max(counts.values()) <= 1.25 * 100 / 4 + 1


async def test_calls_that_have_ended_do_not_count() -> None:
    router = await started(PictureRouter, replicas(4))
    names = set()
    for _ in range(100):
        replica = await router._choose_replica_for_request(asking(picture(1)))
        router.on_send_request(replica.replica_id)
        router.on_request_completed(replica.replica_id, "one")
        names.add(replica.replica_id.unique_id)
    assert len(names) == 1


async def test_calls_of_a_replica_that_has_gone_do_not_count() -> None:
    fleet = replicas(2)
    router = await started(PictureRouter, fleet)
    for _ in range(100):
        router.on_send_request(fleet[0].replica_id)
    router.update_replicas(fleet[1:])  # type: ignore[arg-type]
    router.on_request_completed(fleet[0].replica_id, "one")
    again = [fleet[1], Replica("new")]
    router.update_replicas(again)
    assert {await chosen(router, picture(number)) for number in range(20)} == {"replica1", "new"}


async def test_only_the_pictures_of_a_lost_replica_move() -> None:
    fleet = replicas(4)
    router = await started(PictureRouter, fleet)
    before = {number: await chosen(router, picture(number)) for number in range(60)}
    lost = fleet[0]
    router.on_replica_actor_died(lost.replica_id)
    for number, name in before.items():
        now = await chosen(router, picture(number))
        assert now != lost.name
        assert name in (now, lost.name)
    router.update_replicas(fleet[1:])
    for number, name in before.items():
        assert name in (await chosen(router, picture(number)), lost.name)


@pytest.mark.parametrize("trouble", [{"max_ongoing_requests": 0}, {"silent": True}])
async def test_a_full_or_silent_replica_is_passed_over(trouble: dict[str, Any]) -> None:
    fleet = [Replica("well"), Replica("ill", **trouble)]
    router = await started(PictureRouter, fleet)
    names = {await chosen(router, picture(number)) for number in range(8)}
    assert names == {"well"}


async def test_pictures_of_one_request_reach_each_its_own_replica() -> None:
    """Serve gives all calls of one HTTP request the same id."""
    router = await started(PictureRouter, replicas(4))
    alone = [await chosen(router, picture(number)) for number in range(20)]
    router = await started(PictureRouter, replicas(4))
    together = await asyncio.gather(*(chosen(router, picture(number)) for number in range(20)))
    assert together == alone


async def test_a_call_without_a_picture_goes_to_any_replica() -> None:
    router = await started(PictureRouter, replicas(3))
    assert len({await chosen(router, "no picture") for _ in range(60)}) == 3


async def test_adapters_that_fit_into_each_replica_are_not_bound_to_one() -> None:
    router = await started(AdapterRouter, replicas(2), room=1)
    assert len({await chosen(router, prompt("a")) for _ in range(40)}) == 2
    assert len({await chosen(router, prompt(None)) for _ in range(40)}) == 2


async def test_of_more_adapters_each_has_its_replica() -> None:
    router = await started(AdapterRouter, replicas(4), room=1)
    for name in "ab":
        await chosen(router, prompt(name))
    for name in "abcd":
        assert len({await chosen(router, prompt(name)) for _ in range(20)}) == 1


async def test_an_adapter_is_loaded_where_its_prompts_will_go() -> None:
    router = await started(AdapterRouter, replicas(4), room=1)
    for name in "ab":
        await chosen(router, prompt(name))
    adapter = Adapter("c", "folder")
    assert await chosen(router, adapter) == await chosen(router, prompt("c"))


async def test_serve_can_take_them_to_another_process() -> None:
    for config, kind in (
        (by_picture(remembers=True), PictureRouter),
        (by_adapter(4), AdapterRouter),
    ):
        there = config.get_request_router_class()
        assert there.__name__ == kind.__name__
        router = await started(there, replicas(2), room=4)
        await chosen(router, picture(1))


def reached(address: Address) -> bool:
    """Say of no replica that it is lost."""
    return False


def picked(router: AffinityRouter, asked: object, lost: frozenset[str] = frozenset()) -> str | None:
    address = router.pick(asked, lambda one: one.replica in lost)
    return None if address is None else address.replica


async def test_direct_calls_go_where_serve_would_send_them() -> None:
    router = await started(PictureRouter, addressed(4))
    for number in range(40):
        picked(router, picture(number))
        assert picked(router, picture(number)) == await chosen(router, picture(number))
    router = await started(AdapterRouter, addressed(4), room=1)
    for name in "ab":
        picked(router, prompt(name))
    for name in "abcd":
        assert picked(router, prompt(name)) == await chosen(router, prompt(name))


async def test_direct_calls_that_need_no_replica_go_to_the_less_busy_of_two() -> None:
    router = await started(PictureRouter, addressed(2), remembers=False)
    assert len({picked(router, picture(1)) for _ in range(40)}) == 2
    router.begun("replica0")
    assert {picked(router, picture(1)) for _ in range(40)} == {"replica1"}
    assert {picked(router, picture(number)) for number in range(40)} == {"replica1"}


async def test_a_hot_picture_that_is_asked_directly_does_not_overload_its_replica() -> None:
    router = await started(PictureRouter, addressed(4))
    counts: Counter[str] = Counter()
    for _ in range(100):
        name = picked(router, picture(1)) or ""
        router.begun(name)  # and it goes on
        counts[name] += 1
    assert max(counts.values()) <= 1.25 * 100 / 4 + 1
    for name in counts.elements():
        router.ended(name)
    assert len({picked(router, picture(1)) for _ in range(10)}) == 1


async def test_a_lost_replica_is_not_asked_directly() -> None:
    router = await started(PictureRouter, addressed(2))
    lost = frozenset({"replica0"})
    assert {picked(router, picture(number), lost) for number in range(20)} == {"replica1"}
    assert picked(router, picture(1), frozenset({"replica0", "replica1"})) is None


async def test_replicas_come_and_go() -> None:
    fleet = addressed(2)
    router = await started(PictureRouter, [])
    assert known.routers[DEPLOYMENT] is router
    assert router.pick(picture(1), reached) is None
    router.update_replicas(fleet)  # type: ignore[arg-type]
    assert {picked(router, picture(number)) for number in range(20)} == {"replica0", "replica1"}
    router.update_replicas(fleet[1:])  # type: ignore[arg-type]
    assert {picked(router, picture(number)) for number in range(20)} == {"replica1"}
