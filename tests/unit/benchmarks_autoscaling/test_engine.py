"""Curves and replicas: what was measured is what is simulated."""

import asyncio

import pytest

from benchmarks.autoscaling import measure
from benchmarks.autoscaling.curves import Curve
from benchmarks.autoscaling.replica import Replica

CURVE = Curve((1, 8, 64), (10.0, 40.0, 100.0))


def test_the_measured_points_are_kept_and_the_latency_is_straight_between_them() -> None:
    assert [CURVE.rate(n) for n in (1, 8, 64)] == [10.0, 40.0, 100.0]
    assert CURVE.rate(1000) == 100.0
    at_36_s = (8 / 40 + 64 / 100) / 2  # halfway between 8 and 64
    assert CURVE.rate(36) == pytest.approx(36 / at_36_s)


def test_an_eighth_takes_an_eighth_as_long() -> None:
    rates = CURVE.divided(8)
    assert len(rates) == 9
    assert rates[8] == pytest.approx(12.5)
    assert 1 / rates[1] == pytest.approx(8 / CURVE.rate(8))


@pytest.mark.parametrize("wrong", [((), ()), ((2,), (1.0,)), ((1, 1), (1.0, 2.0)), ((1,), (0.0,))])
def test_what_is_no_curve_is_refused(wrong: tuple[tuple[int, ...], tuple[float, ...]]) -> None:
    with pytest.raises(ValueError, match="a curve"):
        Curve(*wrong)


def ends(replica: Replica, requests: list[tuple[float, float]]) -> dict[int, float]:
    """Return when each request ends; a request is a time and its work."""
    found, left = {}, list(enumerate(requests))
    while left or replica.ongoing:
        end_s = replica.next_end_s()
        if left and (end_s is None or left[0][1][0] <= end_s):
            number, (at_s, work) = left.pop(0)
            replica.add(at_s, number, work)
        else:
            assert end_s is not None
            found[replica.end_next(end_s)] = end_s
    return found


def test_requests_share_the_rate() -> None:
    """Alone 2/s; two together 3/s, so 1.5/s each."""
    found = ends(Replica((0.0, 2.0, 3.0)), [(0.0, 1.0), (0.25, 1.0)])
    assert found[0] == pytest.approx(0.25 + 0.5 / 1.5)
    assert found[1] == pytest.approx(found[0] + 0.5 / 2)


def test_beyond_what_it_holds_requests_wait_in_order() -> None:
    found = ends(Replica((0.0, 2.0)), [(0.0, 1.0), (0.0, 1.0), (0.0, 2.0)])
    assert found == {0: 0.5, 1: 1.0, 2: 2.0}


def test_longer_answers_take_longer() -> None:
    found = ends(Replica((0.0, 1.0, 1.0)), [(0.0, 1.0), (0.0, 3.0)])
    assert found[0] == pytest.approx(2.0)
    assert found[1] == pytest.approx(4.0)


def test_the_first_round_of_a_measured_curve_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rounds = iter(range(measure.TURNS + 1))

    async def per_s(_: measure.One, in_flight: int) -> float:
        return float(next(rounds) if in_flight == 1 else in_flight)

    async def one() -> None: ...

    monkeypatch.setattr(measure, "per_s", per_s)
    first, *_, last = asyncio.run(measure.turns(one))
    assert first == [1.0, 2.0, 3.0]
    assert last == [64.0, 64.0, 64.0]
