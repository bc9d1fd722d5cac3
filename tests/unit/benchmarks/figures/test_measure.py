import numpy as np
import pytest

from benchmarks.figures.intervals import estimate
from benchmarks.figures.measure import figures, is_good, latency
from benchmarks.load.sample import Outcome
from benchmarks.scenario import Limits
from tests.unit.benchmarks.samples import answered, failed, scenario


def test_known_latencies_give_their_percentiles_back() -> None:
    found = figures([answered(10.0 + i / 10, i / 100) for i in range(1, 102)], scenario())
    assert found.e2e is not None
    assert found.e2e.count == 101
    assert found.e2e.p50_s == pytest.approx(0.51)
    assert found.e2e.p90_s == pytest.approx(0.91)
    assert found.e2e.p95_s == pytest.approx(0.96)
    assert found.e2e.p99_s == pytest.approx(1.00)
    assert found.e2e.max_s == pytest.approx(1.01)


def test_the_warm_up_enters_no_figure() -> None:
    samples = [answered(5.0, 3.0), failed(6.0, Outcome.HTTP_5XX), answered(20.0, 0.5)]
    found = figures(samples, scenario())
    assert (found.due, found.completed, found.failed) == (1, 1, 0)
    assert found.e2e is not None
    assert found.e2e.max_s == pytest.approx(0.5)


def test_failures_are_counted_apart_and_enter_no_latency() -> None:
    samples = [answered(20.0, 0.5), failed(21.0, Outcome.HTTP_429), failed(22.0, Outcome.TIMEOUT)]
    samples.append(failed(23.0, Outcome.HTTP_429))
    found = figures(samples, scenario())
    assert (found.due, found.completed, found.failed) == (4, 1, 3)
    assert found.errors == {"http_429": 2, "timeout": 1}
    assert found.e2e is not None
    assert found.e2e.count == 1
    assert found.requests_per_s == pytest.approx(1 / 100)


def test_rates_count_answers_that_were_complete_in_the_window() -> None:
    begun_before = answered(9.0, 2.0)
    done_after = answered(109.0, 5.0)
    inside = [answered(20.0 + i, 1.0, captions=2, completion_tokens=30) for i in range(10)]
    found = figures([begun_before, *inside, done_after], scenario())
    assert found.requests_per_s == pytest.approx(11 / 100)
    assert found.captions_per_s == pytest.approx(21 / 100)
    assert found.tokens_per_s == pytest.approx(310 / 100)
    assert found.offered_per_s == pytest.approx(11 / 100)


def test_goodput_is_what_keeps_the_limits() -> None:
    samples = [answered(20.0 + i, 0.4) for i in range(6)]
    samples += [answered(30.0 + i, 0.6) for i in range(3)] + [failed(40.0, Outcome.DISCONNECT)]
    found = figures(samples, scenario(limits=Limits(e2e_s=0.5)))
    assert found.good_share == pytest.approx(0.6)
    assert found.goodput_per_s == pytest.approx(6 / 100)


def test_limits_of_streams_bind_streams_only() -> None:
    limits = Limits(ttft_s=0.2, itl_s=0.05)
    times = {"streamed": True, "first_s": 20.1, "completion_tokens": 11}
    assert is_good(answered(20.0, 9.0), limits)
    assert is_good(answered(20.0, 1.0, last_s=20.6, **times), limits)
    assert not is_good(answered(20.0, 1.0, last_s=20.7, **times), limits)
    assert not is_good(answered(19.8, 1.0, last_s=20.2, **times), limits)


def test_ttft_and_itl_come_from_the_first_and_the_last_piece() -> None:
    streamed = {"streamed": True, "first_s": 20.2, "last_s": 21.1, "chunk_gaps_s": (0.9,)}
    found = figures([answered(20.0, 2.0, completion_tokens=10, **streamed)], scenario())
    assert found.ttft is not None
    assert found.itl is not None
    assert found.chunk_gap is not None
    assert found.ttft.p50_s == pytest.approx(0.2)
    assert found.itl.p50_s == pytest.approx(0.1)  # ten tokens in two pieces: nine gaps
    assert found.chunk_gap.p50_s == pytest.approx(0.9)


def test_several_captions_stream_side_by_side() -> None:
    sample = answered(20.0, 2.0, first_s=20.0, last_s=20.9, completion_tokens=20, captions=2)
    assert sample.itl_s == pytest.approx(0.1)


def test_an_answer_of_one_token_has_no_itl() -> None:
    assert answered(0.0, 1.0, first_s=0.5, last_s=0.5, completion_tokens=1).itl_s is None


def test_stages_are_means_of_those_who_named_them() -> None:
    stages = [{"describe": 0.2, "generate": 1.0}, {"describe": 0.4}, {}]
    samples = [answered(20.0, 2.0, stage_times_s=times) for times in stages]
    assert figures(samples, scenario()).stages == pytest.approx({"describe": 0.3, "generate": 1.0})


def test_nothing_due_has_no_latencies_and_no_share() -> None:
    found = figures([], scenario())
    assert found.e2e is None
    assert found.good_share is None
    assert found.requests_per_s == 0.0
    assert latency([]) is None


def test_an_interval_is_students_over_repeats() -> None:
    found = estimate([10.0, 12.0, 14.0])
    assert found is not None
    assert found.mean == pytest.approx(12.0)
    assert found.half_width == pytest.approx(4.303 * 2 / 3**0.5)


def test_one_repeat_has_no_interval_and_none_no_estimate() -> None:
    one = estimate([None, 3.0])
    assert one is not None
    assert (one.mean, one.half_width) == (3.0, None)
    assert estimate([None]) is None


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    draw = np.random.default_rng(5)
    hits = 0
    for _ in range(1000):
        found = estimate(draw.normal(7.0, 2.0, 4).tolist())
        assert found is not None
        assert found.half_width is not None
        hits += abs(found.mean - 7.0) <= found.half_width
    assert 930 <= hits <= 970
