"""The stand-ins take the time that the simulation takes for granted."""

import asyncio

import pytest

from benchmarks.cluster import models
from benchmarks.cluster.application import BatchStandIn, ContinuousStandIn
from caption_studio.records import Prompt
from tests.fakes import PIXEL, sampling
from tests.unit.benchmarks.virtual_time import VirtualTime

PROMPT = Prompt("r", "m", "text", sampling(), "verbatim")


def seconds(stand_in: BatchStandIn | ContinuousStandIn, count: int) -> float:
    """Return when the last of so many requests is done that come at once."""
    time = VirtualTime()

    async def one() -> None:
        if isinstance(stand_in, BatchStandIn):
            await stand_in.describe(PIXEL)
        else:
            groups = [group async for group in stand_in.generate(PROMPT, stream=False)]
            assert groups[0][0].finish_reason == "stop"

    async def all_of_them() -> None:
        await asyncio.gather(*(one() for _ in range(count)))

    time.run(all_of_them())
    return time.now()


@pytest.mark.parametrize("count", [1, 3, 8])
def test_a_batch_takes_its_time(count: int) -> None:
    expected = models.DESCRIBER.base_s + models.DESCRIBER.each_s * count
    assert seconds(BatchStandIn(models.DESCRIBER), count) == pytest.approx(expected)


def test_batches_follow_one_another() -> None:
    full_s = models.TOGETHER / models.DESCRIBER_PER_S
    assert seconds(BatchStandIn(models.DESCRIBER), 24) == pytest.approx(3 * full_s)


@pytest.mark.parametrize("count", [1, 8])
def test_more_in_flight_take_longer(count: int) -> None:
    expected = models.CAPTIONER.base_s + models.CAPTIONER.each_s * count
    assert seconds(ContinuousStandIn(models.CAPTIONER), count) == pytest.approx(expected)


def test_beyond_its_slots_requests_wait() -> None:
    full_s = models.TOGETHER / models.CAPTIONER_PER_S
    assert seconds(ContinuousStandIn(models.CAPTIONER), 9) > full_s
