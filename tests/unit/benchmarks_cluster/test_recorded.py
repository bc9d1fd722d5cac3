"""The recorded runs on a cluster, and the simulation beside them."""

import json
from typing import Any

import pytest

from benchmarks.autoscaling.replayed import compared
from benchmarks.cluster import models
from benchmarks.cluster.__main__ import EXPERIMENTS, RESULTS
from benchmarks.cluster.hosted import poisson


def recorded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return found


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_no_recorded_request_failed(name: str) -> None:
    result = recorded(name)
    embedded = EXPERIMENTS[name].embedded
    assert len(result["samples"]) == result["requests"] > (100 if embedded else 400)
    assert {outcome for _, _, outcome in result["samples"]} == {"ok"}


@pytest.mark.parametrize("name", ["step", "to-zero", "killed"])
def test_the_simulation_with_the_replicas_of_the_run_has_latencies_of_its_order(name: str) -> None:
    for measured, simulated in compared(recorded(name)).values():
        assert measured / 2.5 < simulated < measured * 2.5


def test_stand_ins_have_an_h100s_rates_slowed() -> None:
    for stage, per_s in (
        (models.DESCRIBER, models.DESCRIBER_PER_S),
        (models.CAPTIONER, models.CAPTIONER_PER_S),
    ):
        full_s = stage.base_s + stage.each_s * models.TOGETHER
        assert models.TOGETHER / full_s == pytest.approx(per_s)
        assert stage.base_s > 0


def test_arrivals_follow_their_phases() -> None:
    arrivals_s = poisson(((100, 2), (50, 0), (100, 8)), seed=1)
    assert arrivals_s == sorted(arrivals_s)
    assert not [time_s for time_s in arrivals_s if 100 <= time_s < 150]
    assert len([time_s for time_s in arrivals_s if time_s < 100]) == pytest.approx(200, rel=0.2)
    assert len([time_s for time_s in arrivals_s if time_s > 150]) == pytest.approx(800, rel=0.1)
