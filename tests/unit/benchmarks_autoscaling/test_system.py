"""The simulation against arithmetic, and what must hold of any run."""

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import accumulate

import pytest

from benchmarks.autoscaling.reports import CAPTIONER, DESCRIBER, GATEWAY, Gateway, View
from benchmarks.autoscaling.service import (
    GatewaySpec,
    Outcome,
    StageSpec,
    System,
    latencies_s,
)
from benchmarks.autoscaling.system import simulate
from benchmarks.autoscaling.traces import Faults, Trace

INSTANT = StageSpec((0.0, *(1e6 for _ in range(50))), start_s=0.0)
ONE = StageSpec((0.0, 1.0), start_s=5.0)
NO_GATEWAY = GatewaySpec(cpus=10**6, picture_s=0.0, max_in_flight=10**6, min_replicas=1)
START = {GATEWAY: 1, DESCRIBER: 1, CAPTIONER: 1}


def trace(times_s: list[float], until_s: float = 60.0, faults: Faults | None = None) -> Trace:
    count = len(times_s)
    return Trace("test", times_s, [1.0] * count, [True] * count, until_s, faults or Faults())


def poisson(per_s: float, count: int, seed: int) -> list[float]:
    draw = random.Random(seed)
    return list(accumulate(draw.expovariate(per_s) for _ in range(count)))


def fixed(**replicas: int) -> Callable[[View], dict[str, int]]:
    return lambda _: START | replicas


def run(system: System, of: Trace, **replicas: int) -> Outcome:
    return simulate(system, of, fixed(**replicas), START | replicas)


@pytest.mark.parametrize("load", [0.3, 0.7])
@pytest.mark.parametrize("stage", [DESCRIBER, CAPTIONER])
def test_one_replica_one_by_one_is_m_d_1(load: float, stage: str) -> None:
    """Mean wait rho * D / (2 * (1 - rho)): Pollaczek and Khinchine."""
    stages = {DESCRIBER: INSTANT, CAPTIONER: INSTANT, stage: ONE}
    system = System(stages[DESCRIBER], stages[CAPTIONER], NO_GATEWAY)
    took_s = latencies_s(run(system, trace(poisson(load, 20_000, seed=4), 1.0)))
    assert sum(took_s) / len(took_s) == pytest.approx(1 + load / (2 * (1 - load)), rel=0.06)


def test_a_gateway_is_a_queue_for_its_cpus_and_refuses_what_it_cannot_hold() -> None:
    gateway = GatewaySpec(cpus=1, picture_s=1.0, max_in_flight=3, min_replicas=1)
    outcome = run(System(INSTANT, INSTANT, gateway), trace([0.0] * 5))
    assert latencies_s(outcome) == pytest.approx([1.0, 2.0, 3.0], abs=1e-3)
    assert outcome.refused == outcome.missed == 2


def test_text_needs_no_describer() -> None:
    slow = StageSpec((0.0, 0.1), start_s=0.0)
    text = replace(trace([0.0]), pictures=[False])
    gateway = replace(NO_GATEWAY, text_s=0.0)
    assert latencies_s(run(System(slow, INSTANT, gateway), text))[0] < 1


def test_requests_beyond_max_ongoing_wait_for_a_replica_that_starts() -> None:
    slow = replace(ONE, max_ongoing=1, start_s=5.0)
    wanted = {CAPTIONER: 2}
    outcome = simulate(
        System(INSTANT, slow, NO_GATEWAY),
        trace([0.1] * 12),
        lambda _: START | wanted,
        START,
    )
    ended = sorted(end for end in outcome.ended_s if end is not None)
    assert ended[4] == pytest.approx(5.1, abs=0.01)
    assert sum(end < 7.2 for end in ended) >= 8
    assert outcome.held[CAPTIONER][0] == 2


def test_a_dead_replicas_requests_are_repeated_once_and_it_is_replaced() -> None:
    stage = StageSpec((0.0, 0.5, 0.5), start_s=3.0)
    faults = Faults(killed=((1.0, CAPTIONER),))
    outcome = run(System(INSTANT, stage, NO_GATEWAY), trace([0.5, 0.5], faults=faults))
    (first, second) = latencies_s(outcome)
    assert first == pytest.approx(second)
    assert 0.5 + first == pytest.approx(1.0 + 5.0 + 3.0 + 2 / 0.5)
    twice = Faults(killed=((1.0, CAPTIONER), (9.5, CAPTIONER)))
    lost = run(System(INSTANT, stage, NO_GATEWAY), trace([0.5, 0.5], faults=twice))
    assert lost.ended_s == [None, None]


def test_every_request_ends_once_or_is_counted_while_replicas_come_and_go() -> None:
    stage = StageSpec((0.0, 2.0, 3.0, 3.5), start_s=4.0, max_ongoing=8)
    system = System(stage, stage, GatewaySpec(picture_s=0.05, max_in_flight=30, start_s=2.0))
    draw = random.Random(1)

    def restless(_: View) -> dict[str, int]:
        return {GATEWAY: draw.randint(2, 4), DESCRIBER: draw.randint(1, 5), CAPTIONER: 3}

    times_s = poisson(8, 800, seed=2)
    faults = Faults(killed=((20.0, CAPTIONER), (40.0, DESCRIBER)))
    outcome = simulate(system, trace(times_s, 110.0, faults), restless, START | {GATEWAY: 2})
    none = sum(end is None for end in outcome.ended_s)
    assert outcome.refused <= none < 400
    assert all(e > a for a, e in zip(times_s, outcome.ended_s, strict=True) if e is not None)
    assert len(outcome.held[GATEWAY]) == 110


def seen(faults: Faults, seconds: int = 60) -> list[View]:
    views: list[View] = []

    def watching(view: View) -> dict[str, int]:
        views.append(view)
        return START | {GATEWAY: 2}

    slow = StageSpec((0.0, 4.0, 8.0, 12.0, 16.0), start_s=1.0)
    gateway = GatewaySpec(cpus=2, picture_s=0.1)
    times_s = [number / 10 for number in range(10 * seconds)]
    simulate(
        System(INSTANT, slow, gateway),
        trace(times_s, seconds, faults),
        watching,
        START | {GATEWAY: 2},
    )
    return views


def test_the_controller_knows_flows_cpus_and_loads_some_seconds_late() -> None:
    last = seen(Faults())[-1].stages
    assert last[CAPTIONER].asked_per_s == pytest.approx(10, rel=0.1)
    assert last[CAPTIONER].finished_per_s == pytest.approx(10, rel=0.1)
    assert last[CAPTIONER].ongoing == pytest.approx(2.5, rel=0.2)  # Little's law: 10/s, 0.25 s
    assert last[GATEWAY].cpus == pytest.approx(1.0, rel=0.1)
    assert last[GATEWAY].heard == 1


def test_the_controller_knows_what_callers_waited_of_late() -> None:
    assert seen(Faults())[-1].stages[CAPTIONER].wait_p95_s == pytest.approx(0.25, rel=0.1)
    assert seen(Faults())[0].stages[CAPTIONER].wait_p95_s == 0.0
    gateway = Gateway()
    gateway.waits[CAPTIONER].extend([(10.0, 3.0), (15.0, 1.0)])
    assert gateway.wait_p95_s(CAPTIONER, 16.0) == pytest.approx(2.9)
    assert gateway.wait_p95_s(CAPTIONER, 21.0) == 1.0
    assert gateway.wait_p95_s(CAPTIONER, 30.0) == 0.0


def test_lost_reports_leave_a_load_of_nothing_and_half_of_them_half() -> None:
    views = seen(Faults(lost=(20.0, 40.0, 1.0)))
    assert views[25].stages[CAPTIONER].heard == 1  # ten seconds until they count no more
    assert views[35].stages[CAPTIONER].heard == views[35].stages[CAPTIONER].ongoing == 0
    assert views[50].stages[CAPTIONER].heard == 1
    half = seen(Faults(lost=(20.0, 40.0, 0.5)))[35].stages[CAPTIONER]
    assert half.heard == 0.5
    assert half.asked_per_s == pytest.approx(5, rel=0.2)


def test_late_reports_tell_of_the_past() -> None:
    views = seen(Faults(late_s=6.0))
    assert views[6].stages[CAPTIONER].asked_per_s == 0
    assert views[20].stages[CAPTIONER].asked_per_s == pytest.approx(10, rel=0.1)


def test_a_stages_lost_answers_are_known_to_be_lost() -> None:
    views = seen(Faults(lost=(20.0, 40.0, 1.0), lost_of=CAPTIONER))
    assert views[35].stages[CAPTIONER].answers_heard == 0
    assert views[35].stages[CAPTIONER].heard == 1
    assert views[50].stages[CAPTIONER].answers_heard == 1


def test_the_controller_knows_what_the_gateways_have_in_use() -> None:
    room = seen(Faults())[-1].room
    assert room.places == GatewaySpec().max_in_flight
    assert room.in_flight == pytest.approx(3.5, rel=0.3)  # 10/s, 0.1 s and 0.25 s
    assert room.pending == pytest.approx(1.0, rel=0.5)
    assert room.full_share == 0
