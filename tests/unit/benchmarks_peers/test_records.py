import pytest

from benchmarks.peers.records import RoundRecord, Row, from_json, quantile, to_json


def record(*rows: Row) -> RoundRecord:
    return RoundRecord("text-64-whole", 0, warmup_s=1.0, window_s=2.0, rows=rows)


def answer(due_s: float, done_s: float, *, tokens: int = 20, ok: bool = True) -> Row:
    return Row(due_s, done_s, None, tokens, ok)


def test_an_answer_counts_by_the_share_of_its_time_in_the_window() -> None:
    measured = record(
        answer(0.1, 0.9),  # before it: nothing
        answer(0.5, 1.5),  # half
        answer(2.0, 2.5, tokens=10),  # whole
        answer(2.8, 3.6),  # a quarter
        answer(0.0, 8.0),  # a quarter: all of the window
        answer(2.0, 2.1, ok=False),  # nothing
    )
    assert measured.requests_per_s == pytest.approx(1.0)
    assert measured.tokens_per_s == pytest.approx(15.0)
    assert measured.mean_tokens == pytest.approx(15.0)


def test_waves_of_answers_give_the_same_rate_wherever_the_window_cuts_them() -> None:
    waves = [answer(float(start), start + 1.0) for start in range(9) for _ in range(64)]
    cuts = [RoundRecord("l", 0, 1.0 + cut, 2.0, waves) for cut in (0.0, 0.3, 0.9)]
    assert [cut.requests_per_s for cut in cuts] == pytest.approx([64.0] * 3)


def test_latencies_are_of_requests_due_in_the_window_however_late_they_end() -> None:
    measured = record(answer(0.5, 2.5), answer(1.5, 2.0), answer(2.9, 9.9))
    assert quantile(measured.e2e_s, 0.5) == pytest.approx(3.75)


def test_failures_enter_no_figure_but_their_own() -> None:
    measured = record(answer(1.5, 1.6, ok=False))
    assert measured.failed == 1
    assert measured.requests_per_s == 0.0
    assert measured.mean_tokens is None
    assert quantile(measured.e2e_s, 0.5) is None


def test_ttft_is_of_streamed_answers_only() -> None:
    assert record(answer(1.5, 2.0)).ttft_s == record(answer(1.5, 2.0)).itl_s == []
    streamed = record(Row(1.5, 2.0, 1.75, 26, True))
    assert (streamed.ttft_s, streamed.itl_s) == ([0.25], [0.01])


def test_what_is_written_is_read_back_to_a_tenth_of_a_millisecond() -> None:
    measured = record(Row(1.23456789, 2.0, None, 20, True))
    read = from_json(to_json(measured))
    assert read.rows == [Row(1.2346, 2.0, None, 20, True)]
    assert (read.load, read.warmup_s, read.window_s) == ("text-64-whole", 1.0, 2.0)
