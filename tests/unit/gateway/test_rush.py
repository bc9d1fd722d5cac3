"""Rushes, slow stages and stages that wake, simulated: who is answered, when, after how many tries.

Everything here happens by a turned clock: see rush_simulation.
"""

import pytest

from tests.unit.gateway.rush_simulation import Service

CLOSED_LOOP_PER_S = 64 / (0.1 + 63 / 100)
"""What the simulated engine gives with a full batch: 88 answers a second."""


def test_32_callers_after_eight_lone_answers_of_ten_seconds() -> None:
    service = Service(alone_s=10.0)
    for _ in range(8):
        service.ask()
        service.events.run(15)
    service.keep_asking(32, for_s=300)
    service.events.run(330)
    assert not service.refusals
    assert len(service.answered()) > 900


@pytest.mark.parametrize("alone_s", [0.1, 1.0, 5.0])
def test_a_burst_of_32_after_slow_lone_answers(alone_s: float) -> None:
    service = Service(alone_s=alone_s)
    for _ in range(8):
        service.ask()
        service.events.run(10)
    service.rush(32)
    service.events.run(60)
    assert not service.refusals
    assert len(service.answered()) == 40


@pytest.mark.parametrize("speed", [0.02, 0.2, 1.0, 5.0])
def test_a_batch_of_callers_is_never_refused(speed: float) -> None:
    """64 in a closed loop, from a cold start, whatever the engine's speed."""
    service = Service(speed=speed)
    service.keep_asking(64, for_s=40)
    service.events.run(160)
    assert not service.refusals


@pytest.mark.parametrize("warm_s", [0, 20])
@pytest.mark.parametrize("per_s", [80.0, 120.0, 200.0])
def test_1500_at_once(per_s: float, warm_s: float) -> None:
    service = Service(per_s=per_s)
    full_rate_per_s = 64 / (0.1 + 63 / per_s)
    if warm_s:
        service.keep_asking(64, for_s=warm_s)
        service.events.run(warm_s + 10)
    began_s = service.events.now_s
    service.rush(1500)
    service.events.run(300)
    answers = service.answered(began_s)
    assert len(answers) >= 1480  # who is unlucky three times has no retry left
    assert 0 not in service.per_window(began_s)
    last_s = max(one.ended_at_s for one in answers) - began_s
    assert len(answers) / last_s >= 0.9 * full_rate_per_s


def test_a_second_rush_is_as_well_served_as_the_first() -> None:
    service = Service()
    for _ in range(3):
        began_s = service.events.now_s
        service.rush(1500)
        service.events.run(120)
        answers = service.answered(began_s)
        assert len(answers) >= 1480
        last_s = max(one.ended_at_s for one in answers) - began_s
        assert len(answers) / last_s >= 0.9 * CLOSED_LOOP_PER_S


def test_with_one_retry_more_nobody_fails() -> None:
    service = Service()
    service.rush(1500, max_retries=3)
    service.events.run(300)
    assert not service.failed()


def test_overload_is_answered_at_full_rate_and_in_time() -> None:
    service = Service(per_s=30.0)
    full_rate_per_s = 64 / (0.1 + 63 / 30)
    service.come(8 * full_rate_per_s, for_s=120)
    service.events.run(200)
    began_s = service.events.now_s - 200
    steady = [one for one in service.answered(began_s + 40) if one.came_at_s > began_s + 30]
    assert len(steady) / 80 > 0.9 * full_rate_per_s
    waits_s = sorted(one.waited_s for one in steady)
    assert waits_s[int(0.99 * len(waits_s))] < 20
    windows = service.per_window(began_s)
    assert min(windows[1:24]) > 0.8 * 5 * full_rate_per_s


def test_a_slow_stage_starves_nobody_for_ever() -> None:
    """One answer a second: with a hundred callers a batch is in flight, and all get in in turn."""
    service = Service(alone_s=1.0, per_s=1.0)
    for owner in range(100):
        service.keep_asking(1, for_s=900, owner=owner)
    service.events.run(1200)
    counts = [len(service.answered(owner=owner)) for owner in range(100)]
    assert min(counts) >= 3
    assert sum(counts) > 0.9 * 900


def test_requests_are_held_while_a_stage_wakes_and_it_is_not_taken_for_slow() -> None:
    service = Service(speed=0.0)
    began_s = service.events.now_s
    service.keep_asking(200, for_s=100)
    service.events.after(40, lambda: service.engine.set_speed(1.0))
    service.events.run(150)
    assert not service.refusals
    windows = service.per_window(began_s)
    assert sum(windows[:8]) == 0
    assert min(windows[9:19]) > 0.9 * 5 * CLOSED_LOOP_PER_S


def test_a_rush_while_a_stage_wakes_is_told_to_come_back_later_and_later() -> None:
    service = Service(speed=0.0)
    service.rush(1500, max_retries=8)
    service.events.after(40, lambda: service.engine.set_speed(1.0))
    service.events.run(300)
    assert not service.failed()
    assert len(service.refusals) < 5 * 1500


def test_capacity_that_drops_to_half_and_returns() -> None:
    service = Service(per_s=30.0)
    full_rate_per_s = 64 / (0.1 + 63 / 30)
    began_s = service.events.now_s
    service.come(2 * full_rate_per_s, for_s=240)
    service.events.after(80, lambda: service.engine.set_speed(0.5))
    service.events.after(160, lambda: service.engine.set_speed(1.0))
    service.events.run(300)
    windows = service.per_window(began_s)
    assert min(windows[2:16]) > 0.8 * 5 * full_rate_per_s
    assert min(windows[17:32]) > 0.8 * 5 * full_rate_per_s / 2
    assert min(windows[33:48]) > 0.8 * 5 * full_rate_per_s
    while_slow = [one.waited_s for one in service.answered() if 110 < one.came_at_s - began_s < 150]
    assert max(while_slow) < 25


def test_a_modest_key_is_served_beside_a_greedy_one() -> None:
    service = Service()
    service.come(800, for_s=60, owner="greedy")
    service.come(5, for_s=60, owner="modest")
    service.events.run(120)
    assert not [one for one in service.failed() if one.owner == "modest"]
    assert len(service.answered(owner="greedy")) > 0.8 * 60 * CLOSED_LOOP_PER_S


def test_refused_callers_are_told_different_times() -> None:
    service = Service()
    service.rush(10_000, max_retries=0)
    service.events.run(0.2)
    assert len(service.refusals) == 10_000 - 512
    counts = [service.refusals.count(wait_s) for wait_s in sorted(set(service.refusals))]
    assert len(counts) == 60
    assert max(counts) < 300
