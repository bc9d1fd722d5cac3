"""What is computed of several starts."""

import pytest

from benchmarks.starts.figures import mean_parts, ratio, spread
from benchmarks.starts.start import Start


def start(processor_s: float) -> Start:
    return Start(20.0, 21.0, {"gateway": processor_s / 4, "engine": processor_s * 3 / 4}, {})


def test_a_ratio_is_of_pairs() -> None:
    found = ratio([start(10.0), start(20.0)], [start(20.0), start(40.0)])
    assert found.ratio == pytest.approx(0.5)
    assert found.interval == pytest.approx((0.5, 0.5))
    assert str(found) == "0.50 (0.50 to 0.50)"


def test_one_round_has_no_interval() -> None:
    assert str(ratio([start(10.0)], [start(40.0)])) == "0.25"


def test_a_part_that_is_not_there_counts_as_none() -> None:
    assert mean_parts([{"a": 1.0}, {"a": 3.0, "b": 8.0}]) == {"b": 4.0, "a": 2.0}


def test_a_spread_needs_two() -> None:
    assert spread([2.0]) == "2.0"
    assert spread([1.0, 3.0]) == "2.0 ± 12.7"
