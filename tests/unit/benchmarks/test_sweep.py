import pytest

from benchmarks.scenario import RateSweep
from benchmarks.sweep import Point, held_rate, next_rate


def climb(sweep: RateSweep, capacity_per_s: float) -> list[Point]:
    """Sweep a server that serves all well up to its capacity, and nobody above."""
    points: list[Point] = []
    while (rate := next_rate(sweep, points)) is not None:
        points.append(Point(rate, 1.0 if rate <= capacity_per_s else 0.2))
        assert len(points) < 50
    return points


def test_it_climbs_until_goodput_breaks_and_then_closes_in() -> None:
    sweep = RateSweep(from_per_s=10, factor=2, max_per_s=1000, refine=3)
    points = climb(sweep, 100.0)
    assert [p.rate_per_s for p in points] == [10, 20, 40, 80, 160, 120, 100, 110]
    assert held_rate(sweep, points) == 100


def test_it_ends_at_the_highest_rate_if_nothing_breaks() -> None:
    sweep = RateSweep(from_per_s=10, factor=2, max_per_s=50, refine=3)
    points = climb(sweep, 1e9)
    assert [p.rate_per_s for p in points] == [10, 20, 40, 50]
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


def test_a_rate_that_held_above_a_broken_one_does_not_count() -> None:
    sweep = RateSweep(from_per_s=10, max_per_s=50)
    points = [Point(10, 1.0), Point(20, 0.5), Point(30, 1.0)]
    assert held_rate(sweep, points) == 10
