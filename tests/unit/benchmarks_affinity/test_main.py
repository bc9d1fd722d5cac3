"""Both routers over the real cache, by a clock that nobody waits for."""

import asyncio
import time

from benchmarks.affinity import clock
from benchmarks.affinity.__main__ import send, trace_of
from benchmarks.affinity.figures import Case, Sent, What
from benchmarks.affinity.stages import Way


def sent(what: What, way: Way, replicas: int) -> Sent:
    return clock.run(send(Case(what, replicas, way), trace_of(what, replicas, 4.0)))


def test_an_hour_passes_at_once_and_sleeps_end_in_order() -> None:
    async def sleeps() -> list[float]:
        ended: list[float] = []

        async def one(seconds: float) -> None:
            await asyncio.sleep(seconds)
            ended.append(asyncio.get_running_loop().time())

        await asyncio.gather(one(3600), one(60), one(1))
        return ended

    begun_s = time.monotonic()
    assert [round(at_s) for at_s in clock.run(sleeps())] == [1, 60, 3600]
    assert time.monotonic() - begun_s < 60


def test_equal_pictures_are_described_less_often_with_affinity() -> None:
    with_affinity = sent("repeats", "affinity", 4).said
    without = sent("repeats", "two choices", 4).said
    assert with_affinity.total() == without.total()
    assert with_affinity["miss"] < 0.9 * without["miss"]


def test_one_replica_has_nothing_to_choose() -> None:
    assert sent("repeats", "affinity", 1).said == sent("repeats", "two choices", 1).said


def test_adapters_are_loaded_less_often_with_affinity() -> None:
    assert (
        sent("adapters", "affinity", 4).said["load"]
        < sent("adapters", "two choices", 4).said["load"]
    )


def test_pictures_that_never_come_again_wait_no_longer_with_affinity() -> None:
    for what, share in (("light", 0.9), ("heavy", 0.5)):
        waited = [sorted(sent(what, way, 8).latencies_s) for way in ("affinity", "two choices")]
        ours, theirs = (latencies_s[int(share * len(latencies_s))] for latencies_s in waited)
        assert ours < 1.2 * theirs
