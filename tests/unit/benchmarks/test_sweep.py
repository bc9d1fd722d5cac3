import pytest

from benchmarks.scenario import RateSweep
from benchmarks.sweep import BACK_OFF, MAX_BACK_OFFS, Point, held_rate, next_point


def climb(
    sweep: RateSweep, capacity_per_s: float, sustained_per_s: float | None = None
) -> list[Point]:
    """Sweep a server that serves all well up to its capacity, and nobody above.

    For long it carries `sustained_per_s`, by default as much.
    """
    long_per_s = capacity_per_s if sustained_per_s is None else sustained_per_s
    points: list[Point] = []
    while (following := next_point(sweep, points)) is not None:
        rate, for_long = following
        holds = rate <= (long_per_s if for_long else capacity_per_s)
        points.append(Point(rate, 1.0 if holds else 0.2, for_long))
        assert len(points) < 50
    return points


def test_it_climbs_until_goodput_breaks_then_closes_in_then_holds_what_it_found() -> None:
    sweep = RateSweep(from_per_s=10, factor=2, max_per_s=1000, refine=3)
    points = climb(sweep, 100.0)
    assert [p.rate_per_s for p in points] == [10, 20, 40, 80, 160, 120, 100, 110, 100]
    assert [p.sustained for p in points] == [False] * 8 + [True]
    assert held_rate(sweep, points) == 100


def test_it_ends_at_the_highest_rate_if_nothing_breaks() -> None:
    sweep = RateSweep(from_per_s=10, factor=2, max_per_s=50, refine=3)
    points = climb(sweep, 1e9)
    assert [p.rate_per_s for p in points] == [10, 20, 40, 50, 50]
    assert held_rate(sweep, points) == 50


def test_it_ends_at_once_if_not_even_the_first_rate_holds() -> None:
    sweep = RateSweep(from_per_s=10, factor=2, max_per_s=50, refine=3)
    points = climb(sweep, 1.0)
    assert [p.rate_per_s for p in points] == [10]
    assert held_rate(sweep, points) is None


@pytest.mark.parametrize("capacity_per_s", [11, 37, 99, 333])
def test_the_found_rate_is_close_below_the_capacity(capacity_per_s: float) -> None:
    sweep = RateSweep(from_per_s=10, factor=1.5, max_per_s=1000, refine=5)
    held = held_rate(sweep, climb(sweep, capacity_per_s))
    assert held is not None
    assert capacity_per_s * 0.97 <= held <= capacity_per_s


def test_what_does_not_hold_for_long_is_lowered_until_it_does() -> None:
    sweep = RateSweep(from_per_s=10, factor=2, max_per_s=1000, refine=3)
    points = climb(sweep, 100.0, sustained_per_s=91.0)
    assert [p.rate_per_s for p in points if p.sustained] == [100, 95, pytest.approx(90.2, abs=0.1)]
    assert held_rate(sweep, points) == points[-1].rate_per_s


def test_a_server_that_holds_nothing_for_long_is_given_up_on() -> None:
    sweep = RateSweep(from_per_s=10, factor=2, max_per_s=1000, refine=3)
    points = climb(sweep, 100.0, sustained_per_s=0.0)
    tried = [p.rate_per_s for p in points if p.sustained]
    assert len(tried) == MAX_BACK_OFFS + 1
    assert tried[-1] == pytest.approx(100 * BACK_OFF**MAX_BACK_OFFS, rel=0.01)
    assert held_rate(sweep, points) is None


def test_a_rate_that_held_above_a_broken_one_does_not_count() -> None:
    sweep = RateSweep(from_per_s=10, factor=10, max_per_s=50, refine=0)
    points = [Point(10, 1.0), Point(20, 0.5), Point(30, 1.0)]
    assert next_point(sweep, points) == (10, True)
