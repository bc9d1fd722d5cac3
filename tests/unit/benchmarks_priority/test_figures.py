from dataclasses import replace

import pytest

from benchmarks.priority.batch import Running
from benchmarks.priority.figures import Callers, Pair, Point, lines, step_lines


def callers(p95_s: float) -> Callers:
    return Callers(p95_s, per_s=30.0, failed=0, stages={})


GOOD = Pair(100.0, callers(0.1), callers(0.15), batch_per_s=49.0)
SLOW = Pair(100.0, callers(0.1), callers(0.35), batch_per_s=63.0)


def test_a_point_compares_with_what_callers_leave_and_with_their_own_p95() -> None:
    point = Point(8, [GOOD, SLOW])
    assert point.share == pytest.approx(56 / 70)
    assert point.p95_ratio == pytest.approx(2.5)
    assert not point.is_within
    assert Point(8, [GOOD]).is_within
    assert not Point(8, [replace(GOOD, capacity_per_s=120.0)]).is_within, (
        "less than 0.6 of what is left"
    )


def test_the_interval_is_that_of_the_pairs() -> None:
    assert Point(8, [GOOD]).p95_interval is None
    low, high = Point(8, [GOOD, SLOW]).p95_interval or (0.0, 0.0)
    assert low < 2.3 < high
    assert Point(8, [GOOD]).share_interval is None
    low, high = Point(8, [GOOD, SLOW]).share_interval or (0.0, 0.0)
    assert low < 0.8 < high


def test_callers_who_leave_nothing_leave_no_share() -> None:
    full = replace(GOOD, capacity_per_s=20.0)
    assert Point(8, [full]).share == 0.0


def test_the_table_says_whether_the_targets_are_met() -> None:
    assert lines([Point(8, [GOOD]), Point(32, [SLOW])])[-1].endswith("met at 8")
    assert lines([Point(32, [SLOW])])[-1].endswith("missed")


def test_a_batchs_captions_are_counted_in_whole_seconds() -> None:
    batch = Running()
    batch.ended_with([9, 10, 11, 11, 12, 13])
    assert batch.per_s(10.5, 13.2) == pytest.approx(1.5)


def test_it_is_said_in_which_step_the_last_caller_began() -> None:
    steps = {
        "batch_sequences": 8,
        "callers": 40,
        "latest_first_step": 1,
        "step_s": 0.0071,
        "answer_s": 0.17,
    }
    (line,) = step_lines([steps])
    assert "beside  8 sequences of a batch: 40 callers began in step 1 at the latest" in line
    assert "a step took 7.1 ms, an answer 170 ms" in line
