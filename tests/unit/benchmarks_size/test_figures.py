"""The benchmark of sizes turns CPU seconds into cores, and into milliseconds a request."""

import pytest

from benchmarks.size.__main__ import since
from benchmarks.size.figures import Seen, Spell, lines, row


def test_a_row_has_idle_cores_and_milliseconds_a_request() -> None:
    idle = Spell(10.0, {"controller": 0.5, "stage": 2.0})
    loaded = Spell(10.0, {"HAProxy": 0.4, "controller": 1.0}, 1000, 0, 125.0, 20.0, 50.0)
    loop_s = {"mean": 0.004, "max": 0.1}
    found = row(Seen(8, 12.0, 90e6, 1.5, 0.02, loop_s, idle, loaded))
    assert found["idle_cores"]["controller"] == pytest.approx(0.05)
    assert found["idle_cores"]["gateway"] == 0
    assert found["request_cpu_ms"]["HAProxy"] == pytest.approx(0.4)
    assert found["loaded_controller_cores"] == pytest.approx(0.1)
    assert lines([found])[1].split()[:4] == ["8", "90", "12.0", "4.0"]


def test_a_process_that_came_meanwhile_counts_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    now = {1: ("stage", 5.0), 2: ("stage", 1.0)}
    monkeypatch.setattr("benchmarks.size.__main__.cpu_s", lambda: now)
    assert since({1: ("stage", 4.5)}) == {"stage": 1.5}
