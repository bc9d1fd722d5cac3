"""Traces that differ, a bill that was priced before, and policies as they are documented."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.autoscaling import compare, oracle
from benchmarks.autoscaling.__main__ import beaten, dominated, main, mean_rows, table
from benchmarks.autoscaling.cost import CAPTIONS_PER_MISS, Bill
from benchmarks.autoscaling.curves import Curve
from benchmarks.autoscaling.policies import POLICIES, Tuning, hpa, serve
from benchmarks.autoscaling.reports import CAPTIONER, DESCRIBER, GATEWAY, StageView, View
from benchmarks.autoscaling.service import System
from benchmarks.autoscaling.traces import TEST, TEST_SEEDS, TUNING, TUNING_SEEDS, draw, recorded

CURVES = {
    "describer": Curve((1, 8, 64), (90.0, 180.0, 250.0)),
    "captioner": Curve((1, 8, 64), (6.7, 35.0, 102.0)),
}
SYSTEM: System = compare.system_of(CURVES)
TUNINGS = {
    name: Tuning(5.0, 5.0, 16.0 if name == "serve" else 1.3, downscale_s=60.0) for name in POLICIES
}


def view(now_s: float, ongoing: float, replicas: int, heard: float = 1.0) -> View:
    stage = StageView(ongoing, 0.0, 0.0, 0.0, 1.0, heard, heard, replicas, replicas)
    return View(now_s, {GATEWAY: stage, DESCRIBER: stage, CAPTIONER: stage})


def test_no_trace_of_the_test_is_one_of_the_tuning() -> None:
    assert not set(TUNING) & set(TEST)
    assert not set(TUNING_SEEDS) & set(TEST_SEEDS)


@pytest.mark.parametrize("name", TEST)
def test_a_trace_is_the_same_for_the_same_seed_and_has_its_load(name: str) -> None:
    kind = TEST[name]
    first, same, other = (draw(name, kind, seed, 12.0) for seed in (1, 1, 2))
    assert first == same
    assert first.times_s != other.times_s
    assert first.times_s == sorted(first.times_s)
    expected = 12.0 * kind.profile(np.random.default_rng(1)).sum()
    assert len(first.times_s) == pytest.approx(expected, rel=0.1)


def test_the_second_half_may_be_another_mix() -> None:
    trace = draw("mix", TEST["other ratio"], 5, 12.0)
    half = sum(time_s < 300 for time_s in trace.times_s)
    assert all(trace.pictures[:half])
    assert 0.3 < sum(trace.pictures[half:]) / len(trace.pictures[half:]) < 0.5


def test_a_users_trace_is_read(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("Timestamp,Request tokens,Response tokens\n5,10,30\n6,10,10\n9,10,20\n")
    trace = recorded(file, seed=1)
    assert trace.times_s == [0.0, 1.0, 4.0]
    assert trace.work == [1.5, 0.5, 1.0]


def test_a_trace_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.autoscaling.__main__.read_curves", lambda: CURVES)
    assert main(["--trace", str(tmp_path / "none.csv")]) == 2
    assert capsys.readouterr().err.startswith("benchmarks: ")


def test_one_miss_in_a_hundred_costs_a_fifth_of_what_its_captions_cost() -> None:
    bill = Bill(replica_s=100.0, missed=10, requests=1000, caption_s=0.1)
    assert bill.missed_share == 0.01
    assert bill.total_s == pytest.approx(100 + 10 * CAPTIONS_PER_MISS * 0.1)
    assert bill.total_s == pytest.approx(1.2 * bill.replica_s)


def test_serves_default_waits_for_its_delays() -> None:
    policy = serve(TUNINGS["serve"])
    found = [policy(view(now_s, 20.0, 2))[CAPTIONER] for now_s in range(10)]
    assert found[4] == 2
    assert found[5] == 4  # Ray's own: 20 / 5
    down = [policy(view(now_s, 5.0, 4))[CAPTIONER] for now_s in range(100, 200)]
    assert down[59] == 4
    assert down[60] == 1


def test_the_horizontal_autoscalers_rule() -> None:
    policy = hpa(TUNINGS["hpa"])
    assert policy(view(0.0, 100.0, 2))[CAPTIONER] == 6  # at most twice as many, or four more
    assert policy(view(1.0, 100.0, 2))[CAPTIONER] == 2  # not its turn
    assert policy(view(15.0, 31.0, 6))[CAPTIONER] == 6  # within a tenth
    assert policy(view(30.0, 10.0, 6))[CAPTIONER] == 6  # not the whole window
    assert policy(view(165.0, 10.0, 6))[CAPTIONER] == 2


def test_the_horizontal_autoscaler_does_nothing_without_metrics() -> None:
    """At the start nothing was reported yet."""
    policy = hpa(TUNINGS["hpa"])
    assert policy(view(0.0, 0.0, 6, heard=0.0))[CAPTIONER] == 6
    assert policy(view(15.0, 10.0, 6))[CAPTIONER] == 6  # the window began with six
    assert policy(view(75.0, 10.0, 6, heard=0.5))[CAPTIONER] == 5  # three are taken for busy


def test_each_policy_is_tuned_stage_by_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cheapest is found; here costs are known."""

    def costs(tuning: Tuning) -> float:
        window = abs(tuning.downscale_s - 60.0) / 100
        return abs(tuning.captioner - 6.4) + abs(tuning.describer - 1.6) + window

    monkeypatch.setattr(compare, "run", lambda *_: None)
    monkeypatch.setitem(POLICIES, "hpa", lambda tuning: tried.append(tuning))
    monkeypatch.setattr(
        compare, "bill", lambda *_: Bill(costs(tried[-1]), missed=0, requests=1, caption_s=1.0)
    )
    tried: list[Tuning] = []
    trace = draw("short", TUNING["slow wave"], 7, 0.1)
    best = compare.tuned("hpa", SYSTEM, [trace])[0].tuning
    assert (best.captioner, best.describer, best.downscale_s) == (6.4, 1.6, 60.0)
    assert len(tried) < 25  # of 192


def test_the_oracle_has_replicas_before_the_load_comes() -> None:
    trace = draw("rush", TEST["tenfold rush"], 1001, max(SYSTEM.captioner.rates))
    policy = next(iter(oracle.schedules(SYSTEM, trace)))
    before = policy(view(150.0 - SYSTEM.captioner.start_s, 0.0, 1))[CAPTIONER]
    assert before >= 7
    assert policy(view(100.0, 0.0, 1))[CAPTIONER] <= 3


@pytest.mark.parametrize("name", POLICIES)
def test_each_policy_serves_a_short_trace(name: str) -> None:
    trace = draw("short", TUNING["slow wave"], 7, max(SYSTEM.captioner.rates) / 4)
    outcome = compare.run(SYSTEM, trace, POLICIES[name](TUNINGS[name]))
    bill = compare.bill(SYSTEM, outcome)
    assert bill.missed_share < 0.2
    assert bill.replica_s >= 2 * trace.until_s


def test_a_row_that_is_worse_in_both_is_found() -> None:
    def figures(replica_s: float, missed: int) -> dict[str, float]:
        return {"replica_s": replica_s, "missed": missed, "missed_share": 0.0, "relative": 1.0}

    good = {"trace": "a", "ours": figures(10, 5), "serve": figures(9, 6), "hpa": figures(11, 4)}
    bad = {"trace": "b", "ours": figures(10, 5), "serve": figures(9, 4), "hpa": figures(11, 4)}
    assert dominated([good, bad]) == beaten([good, bad]) == [("b", "serve")]
    equal = {"trace": "c", **{name: figures(10, 5) for name in ("ours", "serve")}}
    fewer = equal | {"hpa": figures(10, 4)}
    assert dominated([fewer]) == [("c", "hpa")]
    assert beaten([fewer]) == []
    rows = [row | {"oracle": figures(8, 0)} for row in (good, good | {"ours": figures(20, 7)})]
    (mean,) = mean_rows(rows)
    assert mean["ours"]["replica_s"] == 15
    assert "| a | 15, 0.0%, 1.00 |" in table([mean])
