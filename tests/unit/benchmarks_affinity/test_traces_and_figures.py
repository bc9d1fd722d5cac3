"""The benchmark of affinity draws the traces that it says, and counts what was said."""

from collections import Counter

import pytest

from benchmarks.affinity.figures import Case, Sent, lines, row
from benchmarks.affinity.traces import Trace, fresh, zipf


def test_popular_items_come_more_often_and_the_rate_is_kept() -> None:
    trace = zipf(1, rate_per_s=100, seconds=100, items=50, exponent=1.0)
    assert len(trace.items) == pytest.approx(10_000, rel=0.05)
    assert trace.due_s == sorted(trace.due_s)
    counts = Counter(trace.items)
    assert counts[0] / counts[9] == pytest.approx(10, rel=0.3)
    assert trace == zipf(1, rate_per_s=100, seconds=100, items=50, exponent=1.0)


def test_fresh_items_come_once() -> None:
    trace = fresh(1, rate_per_s=100, seconds=10)
    assert trace.distinct == len(trace.items) == len(trace.due_s)


def test_hits_are_what_was_not_described_anew() -> None:
    trace = Trace([0.0, 0.1, 0.2, 0.3], [1, 1, 2, 1])
    sent = Sent([0.02, 0.01, 0.02, 0.01], Counter(miss=2, hit=1, shared=1), cpu_s=0.008)
    found = row(Case("repeats", 2, "affinity"), [trace], [sent])
    assert found["hit_rate"] == found["best"] == 0.5
    assert found["worked"] == found["distinct"] == 2
    assert found["cpu_ms"] == pytest.approx(2)
    assert found["p50_ms"] == pytest.approx(15)
    assert lines([found])[1].split()[:3] == ["repeats", "2", "affinity"]
