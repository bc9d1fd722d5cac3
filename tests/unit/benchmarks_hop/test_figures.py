"""The hop's benchmark gives known rates and times back."""

import pytest

from benchmarks.hop.__main__ import Found, figures, lines, report
from benchmarks.hop.replicas import Calls


def test_figures_are_medians_over_the_repeats() -> None:
    quick, usual, slow = (
        Calls(elapsed_s=10 * each, latencies_s=[each] * 100, cpu_s=20 * each)
        for each in (0.001, 0.002, 0.009)
    )
    found = figures([slow, quick, usual])
    assert found["calls_per_s"] == pytest.approx(5000)
    assert found["p50_ms"] == found["p95_ms"] == pytest.approx(2)
    assert found["cpu_ms"] == pytest.approx(0.4)


def test_p95_is_of_the_slow_ones() -> None:
    calls = Calls(1.0, [0.001] * 90 + [0.1] * 10, 1.0)
    found = figures([calls])
    assert found["p50_ms"] == pytest.approx(1)
    assert found["p95_ms"] == pytest.approx(100)


def test_the_report_and_the_table_name_size_load_and_way() -> None:
    found: Found = {(224, 32, "store"): [Calls(1.0, [0.004, 0.004], 0.01)]}
    (one,) = report(found)["figures"]
    assert (one["size_px"], one["in_flight"], one["way"]) == (224, 32, "store")
    assert lines([one])[1].split() == ["224", "32", "store", "2", "4.00", "4.00", "5.00"]
