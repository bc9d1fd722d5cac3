"""The describer's benchmark gives known delays and rates back."""

import asyncio
from collections import defaultdict

import pytest

from benchmarks.describer.__main__ import TARGETS, Found, agreement, ratios
from benchmarks.describer.loads import Measured, closed, poisson
from caption_studio.records import Pixels

pytestmark = pytest.mark.anyio

PICTURES = [Pixels(b"\x00\x00\x00", 1, 1)]


class Slow:
    """Takes as long as it is told, and counts how many it has at a time."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._in_flight = 0
        self.most = 0

    async def describe(self, pixels: Pixels) -> str:
        self._in_flight += 1
        self.most = max(self.most, self._in_flight)
        await asyncio.sleep(self._delay_s)
        self._in_flight -= 1
        return ""

    def close(self) -> None:
        pass


async def test_a_closed_loop_keeps_as_many_in_flight_as_it_is_told() -> None:
    way = Slow(0.01)
    measured = await closed(way, PICTURES, 4, 12)
    assert way.most == 4
    assert len(measured.samples) == 12
    assert all(done - due >= 0.01 for due, done in measured.samples)
    assert measured.per_s <= 4 / 0.01


async def test_poisson_arrivals_do_not_wait_for_answers() -> None:
    way = Slow(0.2)
    measured = await poisson(way, PICTURES, rate_per_s=200, count=40)
    assert way.most > 10
    dues_s = sorted(due for due, _ in measured.samples)
    assert len(dues_s) == 40
    assert 0.05 < dues_s[-1] < 0.8  # 40 at 200 a second
    again = await poisson(Slow(0.0), PICTURES, rate_per_s=200, count=40)
    assert sorted(due for due, _ in again.samples) == dues_s


def test_percentiles_and_rates_are_those_of_the_samples() -> None:
    measured = Measured("w", "l", [(0.0, 0.001 * number) for number in range(1, 101)])
    assert measured.per_s == pytest.approx(1000)
    assert measured.percentile_ms(50) == pytest.approx(50, abs=1)
    assert measured.percentile_ms(95) == pytest.approx(95, abs=1)


def test_ratios_take_the_better_of_the_fixed_batches_and_every_target_has_one() -> None:
    found: Found = defaultdict(list)

    def add(way: str, load: str, latency_s: float) -> None:
        found[way, load].append(Measured(way, load, [(0.0, latency_s)]))

    for way, latency_s in (("one-by-one", 1.0), ("ours", 0.5)):
        add(way, "1 in flight", latency_s)
    for way, latency_s in (("fixed-8", 0.4), ("fixed-64", 0.2), ("ours", 0.1)):
        add(way, "64 in flight", latency_s)
    for way, latency_s in (("fixed-8", 0.3), ("fixed-64", 0.6), ("ours", 0.1)):
        add(way, "poisson", latency_s)
    add("large one-by-one", "1 in flight", 3.0)
    add("large fixed-8", "8 in flight", 6.0)
    add("large ours", "1 in flight", 2.0)
    add("large ours", "8 in flight", 5.0)
    for way, latency_s in (("fixed-8", 8.0), ("fixed-64", 6.0), ("ours", 4.0)):
        add(f"large {way}", "64 in flight", latency_s)
    values = ratios(found)
    assert values.keys() == TARGETS.keys()
    assert values["demo-64-over-fixed-batches"] == pytest.approx(2)
    assert values["demo-64-over-one-by-one"] == pytest.approx(10)
    assert values["demo-1-over-one-by-one"] == pytest.approx(2)
    assert values["demo-poisson-p95-fixed-batches-over-ours"] == pytest.approx(3)
    assert values["git-large-1-over-one-by-one"] == pytest.approx(1.5)
    assert values["git-large-64-over-fixed-batches"] == pytest.approx(1.5)


def test_agreement_is_the_share_of_equal_texts() -> None:
    assert agreement([["a", "b", "c", "d"], ["a", "x", "c", "d"]]) == 0.75
