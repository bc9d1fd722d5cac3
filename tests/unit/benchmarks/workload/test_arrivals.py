import numpy as np
import pytest

from benchmarks.workload import arrivals

RATE, DURATION = 50.0, 400.0
COUNT = RATE * DURATION


def gap_cv(times: arrivals.Times) -> float:
    gaps = np.diff(times)
    return float(gaps.std() / gaps.mean())


def test_constant_is_even_and_fills_the_time() -> None:
    times = arrivals.constant(4.0, 2.0)
    assert times.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75]


def test_poisson_has_the_rate_and_the_spread_of_independent_callers() -> None:
    times = arrivals.poisson(RATE, DURATION, seed=3)
    assert len(times) == pytest.approx(COUNT, rel=0.03)
    assert gap_cv(times) == pytest.approx(1.0, rel=0.03)
    per_second = np.bincount(times.astype(int), minlength=int(DURATION))
    assert per_second.mean() == pytest.approx(RATE, rel=0.03)
    assert per_second.var() == pytest.approx(RATE, rel=0.2)


@pytest.mark.parametrize("cv", [0.3, 2.0])
def test_gamma_has_the_rate_and_the_burstiness(cv: float) -> None:
    times = arrivals.gamma(RATE, DURATION, gap_cv=cv, seed=3)
    assert len(times) == pytest.approx(COUNT, rel=0.06)
    assert gap_cv(times) == pytest.approx(cv, rel=0.06)


def test_a_ramp_goes_from_one_rate_to_the_other_in_a_straight_line() -> None:
    times = arrivals.ramp(10.0, 90.0, DURATION, seed=3)
    assert len(times) == pytest.approx(50 * DURATION, rel=0.03)
    counts, _ = np.histogram(times, bins=4, range=(0, DURATION))
    assert counts / (DURATION / 4) == pytest.approx([20, 40, 60, 80], rel=0.06)


def test_a_ramp_may_fall_or_be_level() -> None:
    falling = arrivals.ramp(90.0, 10.0, DURATION, seed=3)
    counts, _ = np.histogram(falling, bins=2, range=(0, DURATION))
    assert counts / (DURATION / 2) == pytest.approx([70, 30], rel=0.06)
    assert len(arrivals.ramp(RATE, RATE, DURATION, seed=3)) == pytest.approx(COUNT, rel=0.03)


def test_a_replay_starts_at_its_first_request_and_keeps_its_gaps() -> None:
    trace = np.array([107.0, 101.0, 102.0])
    assert arrivals.replay(trace, 10.0).tolist() == [0.0, 1.0, 6.0]
    assert arrivals.replay(trace, 3.0, speed=2.0).tolist() == [0.0, 0.5]


def test_an_empty_trace_sends_nothing() -> None:
    assert arrivals.replay(np.array([]), 10.0).tolist() == []


def test_times_are_ascending_inside_the_duration_and_hang_on_the_seed_alone() -> None:
    for draw in (
        lambda seed: arrivals.poisson(RATE, 5.0, seed),
        lambda seed: arrivals.gamma(RATE, 5.0, gap_cv=3.0, seed=seed),
        lambda seed: arrivals.ramp(1.0, RATE, 5.0, seed),
    ):
        times = draw(1)
        assert (np.diff(times) >= 0).all()
        assert times[0] >= 0
        assert times[-1] < 5.0
        assert times.tolist() == draw(1).tolist()
        assert times.tolist() != draw(2).tolist()
