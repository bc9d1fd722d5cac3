import pytest

from benchmarks.rush.figures import Ending, rate, summary, windows

ENDINGS = [
    Ending(1.0, 0, "ok"),
    Ending(4.9, 1, "ok"),
    Ending(12.0, 1, "ok"),
    Ending(14.0, 2, "http_429"),
]


def test_windows_go_to_the_last_answer_and_show_the_empty_ones() -> None:
    assert windows(ENDINGS) == [2, 0, 1]
    assert windows([Ending(1.0, 2, "http_429")]) == []


def test_a_rate_counts_what_was_answered_between_two_times() -> None:
    assert rate(ENDINGS, 2.0, 12.0) == pytest.approx(0.1)


def test_a_rush_is_measured_to_its_last_answer() -> None:
    found = summary(ENDINGS, closed_per_s=0.5, closed_refused=3, client_late_s=0.5)
    assert (found.requests, found.answered) == (4, 3)
    assert found.outcomes == {"ok": 3, "http_429": 1}
    assert found.answered_after_retries == {"0": 1, "1": 2}
    assert (found.last_answer_s, found.last_ending_s) == (12.0, 14.0)
    assert found.per_s == pytest.approx(0.25)
    assert found.of_closed == pytest.approx(0.5)
    assert found.closed_refused == 3


def test_nothing_answered_is_no_division_by_zero() -> None:
    found = summary(
        [Ending(1.0, 2, "http_429")], closed_per_s=0.0, closed_refused=0, client_late_s=0.0
    )
    assert (found.per_s, found.of_closed) == (0.0, 0.0)
