"""What a replica's rate is learnt from, and what it is not."""

from dataclasses import replace

import pytest

from caption_studio.scaling.capacity import SETTLED_S, TRUST_S, Capacity, learnt
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
    return capacity.per_s(STAGE, capacity.seen_s)


def test_at_the_target_it_is_the_rate() -> None:
    assert per_s(after(30, busy(20, 50))) == pytest.approx(25)


def test_from_one_load_alone_it_follows_by_the_share_of_a_lone_request() -> None:
    """Half the target in 0.3 + 0.7 / 2 of the time: 20/s a replica are 31/s at the target."""
    half = after(30, busy(10, 40))
    assert per_s(half) == pytest.approx(20 * 2 * 0.65)


def test_from_a_load_below_and_one_above_it_is_on_the_line_between() -> None:
    """5 in progress take 0.2 s, 15 take 0.5 s; so 10 take 0.35 s."""
    below = after(30, busy(10, 50))
    both = after(300, busy(30, 60), below)
    assert per_s(both) == pytest.approx(10 / 0.35, rel=0.01)


def test_nothing_is_learnt_from_a_change_or_without_all_reports() -> None:
    assert per_s(after(int(SETTLED_S), busy(20, 50))) is None
    assert per_s(after(30, busy(20, 50, heard=0.5))) is None
    assert per_s(after(30, busy(20, 0))) is None
    few = replace(busy(20, 50), answers_heard=0.4)
    assert per_s(after(30, few)) is None


def waiting(wait_p95_s: float) -> Capacity:
    """5 in progress take 0.2 s, 15 take 0.5 s; 95 % of them wait no longer than this."""
    below = after(30, replace(busy(10, 50), wait_p95_s=wait_p95_s))
    return after(300, replace(busy(30, 60), wait_p95_s=wait_p95_s * 2.5), below)


@pytest.mark.parametrize(
    ("target_p95_s", "ongoing"),
    [
        (None, 10),
        (5.0, 10),
        (0.7, 10),  # twice the 0.35 s of ten
        (0.55, 7.5 / 3 + 5),  # twice 0.275 s, which is 2.5 of 10 on the way from 0.2 to 0.5 s
        (0.4, 5),
        (0.01, 10),  # not even alone
    ],
)
def test_a_target_of_latency_is_a_load_that_keeps_it(
    target_p95_s: float | None, ongoing: float
) -> None:
    stage = STAGE.model_copy(update={"target_p95_s": target_p95_s})
    capacity = waiting(0.4)
    within = capacity.within(stage, capacity.seen_s)
    assert within.target_ongoing == pytest.approx(ongoing, rel=0.01)


def test_below_all_that_was_seen_a_load_follows_by_the_share_of_a_lone_request() -> None:
    """5 in progress wait 0.4 s, one alone three tenths of what ten do: 0.3 / 0.65 of that."""
    capacity = waiting(0.4)
    lone_s = 0.4 * 0.3 / 0.65
    within = capacity.within(STAGE.model_copy(update={"target_p95_s": 1.5 * lone_s}), 330.0)
    assert within.target_ongoing == pytest.approx(10 * 0.3 / 0.7 * 0.5, rel=0.01)
    barely = capacity.within(STAGE.model_copy(update={"target_p95_s": 1.001 * lone_s}), 330.0)
    assert barely.target_ongoing == 1.0


def test_nobody_waited_so_a_target_of_latency_changes_nothing() -> None:
    stage = STAGE.model_copy(update={"target_p95_s": 0.3})
    assert Capacity().within(stage, 0.0) == stage
    assert after(30, busy(10, 50)).within(stage, 30.0) == stage


def test_few_requests_change_little() -> None:
    half = after(30, busy(10, 40))
    assert per_s(after(60, busy(0.2, 1), half)) == pytest.approx(per_s(half), rel=0.1)


def test_the_first_look_at_a_full_replica_is_weighed_against_what_was_known() -> None:
    below = after(30, busy(10, 50))
    assert per_s(after(3, busy(40, 4), below)) == pytest.approx(per_s(below), rel=0.5)


def test_a_slow_half_minute_is_forgotten_if_no_load_like_it_comes_again() -> None:
    """Else one captioner becomes four for ever."""
    normal = busy(5, 50)
    before = after(60, normal)
    slow = after(30, busy(40, 5), before)
    assert (per_s(slow) or 0) < 0.3 * (per_s(before) or 0)
    recovered = after(int(6 * TRUST_S), normal, slow)
    assert per_s(recovered) == pytest.approx(per_s(before), rel=0.05)


def test_what_is_confirmed_is_believed_for_longer() -> None:
    capacity = after(60, busy(5, 50))
    for _ in range(4):
        capacity = after(120, busy(20, 40), capacity)
        capacity = after(120, busy(5, 50), capacity)
    assert capacity.trust_s == 64 * TRUST_S
    assert after(120, busy(20, 4), capacity).trust_s == TRUST_S


def test_it_follows_a_change_within_minutes() -> None:
    learnt_rate = after(30, busy(20, 50))
    assert per_s(after(3, busy(20, 20), learnt_rate)) == pytest.approx(25, rel=0.2)
    assert per_s(after(300, busy(20, 20), learnt_rate)) == pytest.approx(10, rel=0.05)


def test_answers_that_became_longer_are_not_made_shorter_by_an_old_load_above() -> None:
    capacity = after(120, busy(5, 50))
    capacity = after(120, busy(20, 40), capacity)
    longer = after(300, busy(10, 10), capacity)  # 1 s each; above it was 0.5 s
    assert per_s(longer) == pytest.approx(10 / 1.0, rel=0.05)


@pytest.mark.parametrize("target", [1.0, 4.0, 1000.0])
def test_another_target_finds_what_was_learnt_under_this_one(target: float) -> None:
    capacity = after(120, busy(20, 40), after(120, busy(10, 50)))
    stage = STAGE.model_copy(update={"target_ongoing": target})
    rate = capacity.per_s(stage, capacity.seen_s)
    assert rate is not None
    assert 0 < rate < 1e4
