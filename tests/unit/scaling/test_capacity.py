"""What a replica's rate is learnt from, and what it is not."""

import pytest

from caption_studio.scaling.capacity import SETTLED_S, Capacity, learnt
from caption_studio.scaling.load import Load
from tests.unit.scaling.world import STAGE


def after(seconds: int, load: Load, start: Capacity = Capacity()) -> Capacity:  # noqa: B008
    capacity = start
    for now_s in range(seconds):
        capacity = learnt(capacity, load, STAGE, start.seen_s + now_s)
    return capacity


def busy(ongoing: float, finished_per_s: float, *, running: int = 2, heard: float = 1.0) -> Load:
    return Load(running, running, 0, 9, ongoing, finished_per_s, finished_per_s, heard=heard)


def per_s(capacity: Capacity) -> float | None:
    return capacity.per_s(STAGE)


def test_at_the_target_it_is_the_rate() -> None:
    assert per_s(after(30, busy(20, 50))) == pytest.approx(25)


def test_from_one_load_alone_it_follows_by_the_share_of_a_lone_request() -> None:
    """Half the target in 0.3 + 0.7 / 2 of the time: 20/s a replica are 31/s at the target."""
    half = after(30, busy(10, 40))
    assert per_s(half) == pytest.approx(20 * 2 * 0.65)


def test_from_a_load_below_and_one_above_it_is_on_the_line_between() -> None:
    """5 in progress take 0.2 s, 15 take 0.5 s; so 10 take 0.35 s."""
    below = after(30, busy(10, 50))
    both = after(30, busy(30, 60), below)
    assert per_s(both) == pytest.approx(10 / 0.35)


def test_nothing_is_learnt_from_few_requests_from_a_change_or_without_all_reports() -> None:
    assert per_s(after(30, busy(1, 50))) is None
    assert per_s(after(int(SETTLED_S), busy(20, 50))) is None
    assert per_s(after(30, busy(20, 50, heard=0.5))) is None
    assert per_s(after(30, busy(20, 0))) is None


def test_it_follows_a_change_within_minutes() -> None:
    learnt_rate = after(30, busy(20, 50))
    assert per_s(after(3, busy(20, 20), learnt_rate)) == pytest.approx(25, rel=0.2)
    assert per_s(after(300, busy(20, 20), learnt_rate)) == pytest.approx(10, rel=0.05)
