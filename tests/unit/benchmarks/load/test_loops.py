"""The loops against a server of known slots and times, in exact virtual time."""

import asyncio
from collections.abc import Callable

import pytest

from benchmarks.figures.measure import Figures, figures
from benchmarks.load.loops import closed_loop, open_loop
from benchmarks.load.sample import Outcome, Sample
from benchmarks.scenario import Limits
from tests.unit.benchmarks.samples import scenario
from tests.unit.benchmarks.virtual_time import VirtualTime

WINDOW = scenario(limits=Limits(e2e_s=0.5))


class Station:
    """Serves `slots` requests at a time, each for `serve_s(time it begins)`."""

    def __init__(self, time: VirtualTime, slots: int, serve_s: Callable[[float], float]) -> None:
        self._time, self._serve_s = time, serve_s
        self._slots = asyncio.Semaphore(slots)
        self.samples: list[Sample] = []

    async def send(self, place: int, due_s: float) -> None:
        sample = Sample(place, due_s, "", False, sent_s=self._time.now())
        async with self._slots:
            await asyncio.sleep(self._serve_s(self._time.now()))
        sample.done_s, sample.outcome = self._time.now(), Outcome.OK
        sample.captions, sample.completion_tokens = 1, 20
        self.samples.append(sample)


def run_closed(callers: int, slots: int, serve_s: float) -> Figures:
    time = VirtualTime()
    station = Station(time, slots, lambda _: serve_s)
    time.run(closed_loop(station.send, places=10**6, callers=callers, now=time.now, until_s=110.0))
    return figures(station.samples, WINDOW)


def run_open(
    rate_per_s: float, slots: int, serve_s: Callable[[float], float]
) -> tuple[Figures, list[Sample]]:
    time = VirtualTime()
    station = Station(time, slots, serve_s)
    due_s = [number / rate_per_s for number in range(int(110 * rate_per_s))]
    time.run(open_loop(station.send, due_s=due_s, now=time.now))
    return figures(station.samples, WINDOW), station.samples


def test_callers_who_never_wait_get_callers_over_time() -> None:
    found = run_closed(callers=4, slots=4, serve_s=0.125)
    assert found.requests_per_s == pytest.approx(32.0, rel=0.01)
    assert found.tokens_per_s == pytest.approx(640.0, rel=0.01)
    assert found.e2e is not None
    assert found.e2e.p50_s == pytest.approx(0.125)
    assert found.e2e.p99_s == pytest.approx(0.125)


def test_callers_who_share_a_slot_wait_for_one_another() -> None:
    found = run_closed(callers=8, slots=1, serve_s=0.125)
    assert found.requests_per_s == pytest.approx(8.0, rel=0.01)
    assert found.e2e is not None
    assert found.e2e.p50_s == pytest.approx(1.0)
    assert found.good_share == 0.0


def test_a_closed_loop_ends_when_its_requests_are_used_up() -> None:
    time = VirtualTime()
    station = Station(time, 4, lambda _: 0.1)
    time.run(closed_loop(station.send, places=10, callers=4, now=time.now, until_s=110.0))
    assert sorted(sample.index for sample in station.samples) == list(range(10))


def test_an_open_loop_below_capacity_sees_the_service_time() -> None:
    found, _ = run_open(8.0, slots=1, serve_s=lambda _: 0.0625)
    assert found.requests_per_s == pytest.approx(8.0, rel=0.01)
    assert found.e2e is not None
    assert found.e2e.p99_s == pytest.approx(0.0625)
    assert found.good_share == 1.0


def test_an_open_loop_above_capacity_sees_the_capacity_and_a_growing_queue() -> None:
    found, samples = run_open(20.0, slots=1, serve_s=lambda _: 0.1)
    assert found.offered_per_s == pytest.approx(20.0)
    assert found.requests_per_s == pytest.approx(10.0, rel=0.01)
    assert found.good_share == 0.0
    assert samples[-1].e2e_s == pytest.approx(110.0, rel=0.01)


def test_a_stall_is_felt_by_all_who_were_due_in_it() -> None:
    """A closed loop would have seen one slow request (coordinated omission)."""
    found, samples = run_open(10.0, 1000, lambda now: max(0.01, 61.0 - now if now >= 60 else 0.01))
    stalled = sorted(s.e2e_s for s in samples if 60.0 <= s.scheduled_s < 61.0)
    assert stalled == pytest.approx([number / 10 for number in range(1, 11)], abs=0.02)
    assert found.due == 1000
    assert found.good_share == pytest.approx(1 - 5 / 1000, abs=0.0011)


def test_a_client_that_is_held_up_sends_late_but_counts_from_the_due_time() -> None:
    time = VirtualTime()
    station = Station(time, 1000, lambda _: 0.01)

    async def send(place: int, due_s: float) -> None:
        if place == 5:
            time.block(1.0)
        await station.send(place, due_s)

    time.run(open_loop(send, due_s=[number / 10 for number in range(20)], now=time.now))
    late = next(sample for sample in station.samples if sample.index == 6)
    assert late.scheduled_s == 0.6
    assert late.sent_s == pytest.approx(1.5)
    assert late.e2e_s == pytest.approx(0.91)
