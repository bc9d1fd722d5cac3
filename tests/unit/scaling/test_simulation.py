"""The simulator against queueing theory, and what must hold of any run."""

import random
from dataclasses import replace
from itertools import accumulate, pairwise

import pytest

from caption_studio.scaling import simulation
from caption_studio.scaling.policy import CAPTIONER, DESCRIBER
from caption_studio.scaling.simulation import Model, StageModel, quantile, simulate
from caption_studio.settings import ScalingSettings, StageScaling

INSTANT = StageModel(0, 0, start_s=0, min_replicas=1, max_replicas=1, slots=10**9)
ONE_EACH = {DESCRIBER: 1, CAPTIONER: 1}
QUICK = StageScaling(target_ongoing=8, upscale_delay_s=2, downscale_delay_s=30, to_zero_delay_s=40)
ELASTIC = Model(
    describer=StageModel(0.25, 0.025, 10, min_replicas=0, max_replicas=4, max_batch=8),
    captioner=StageModel(0.3, 0.02, 20, min_replicas=0, max_replicas=16, slots=16),
    scaling=ScalingSettings(describer=QUICK, captioner=QUICK, captioners_per_describer=2),
    look_back_s=4,
    report_s=2,
)


def poisson(rate_per_s: float, seconds: float, seed: int) -> list[float]:
    draw = random.Random(seed)
    gaps = (draw.expovariate(rate_per_s) for _ in range(int(rate_per_s * seconds)))
    return list(accumulate(gaps))


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
@pytest.mark.parametrize("stage", ["describer", "captioner"])
def test_one_replica_with_a_fixed_time_is_m_d_1(load: float, stage: str) -> None:
    """Mean wait rho * D / (2 * (1 - rho)): Pollaczek and Khinchine."""
    fixed = StageModel(1.0, 0, start_s=0, min_replicas=1, max_replicas=1, slots=1)
    if stage == "describer":
        fixed = replace(fixed, max_batch=1)
    stages = {"describer": INSTANT, "captioner": INSTANT, stage: fixed}
    model = Model(**stages, scaling=ScalingSettings())
    outcome = simulate(model, poisson(load, 200_000, seed=4), 0, ONE_EACH)
    assert mean(outcome.latencies_s()) == pytest.approx(1 + load / (2 * (1 - load)), rel=0.03)


def test_with_room_for_all_nobody_waits() -> None:
    model = Model(INSTANT, replace(INSTANT, base_s=2.0), ScalingSettings())
    outcome = simulate(model, poisson(50, 100, seed=1), 0, ONE_EACH)
    assert outcome.latencies_s()[0] == pytest.approx(2.0)
    assert outcome.latencies_s()[-1] == pytest.approx(2.0)


def test_a_saturated_batch_server_carries_batch_over_time() -> None:
    batches = replace(ELASTIC.describer, min_replicas=1, max_replicas=1)
    model = replace(ELASTIC, describer=batches, captioner=INSTANT)
    outcome = simulate(model, poisson(1000, 4, seed=1), 0, ONE_EACH)
    assert len(outcome.arrived_s) / outcome.latencies_s()[-1] == pytest.approx(8 / 0.45, rel=0.08)


def step(seed: int) -> list[float]:
    quiet, busy = poisson(2, 60, seed), poisson(40, 120, seed + 1)
    return [*quiet, *(quiet[-1] + time_s for time_s in busy)]


@pytest.mark.parametrize("seed", range(5))
def test_every_request_ends_once_while_replicas_come_and_go(seed: int) -> None:
    outcome = simulate(ELASTIC, step(seed), 400, {DESCRIBER: 0, CAPTIONER: 0})
    assert None not in outcome.ended_s
    assert all(e > a for a, e in zip(outcome.arrived_s, outcome.ended_s, strict=True) if e)
    most = max(tick[CAPTIONER][1] for tick in outcome.ticks)
    assert most > 2
    assert outcome.ticks[-1][CAPTIONER][1:] == (0, 0)
    assert outcome.ticks[-1][DESCRIBER][1:] == (0, 0)


def test_the_same_arguments_give_the_same_outcome() -> None:
    first, second = (simulate(ELASTIC, step(3), 300, ONE_EACH) for _ in range(2))
    assert first == second
    assert first != simulate(ELASTIC, step(4), 300, ONE_EACH)


@pytest.mark.parametrize("rate_per_s", [9, 14, 22, 30])
def test_a_steady_load_settles_after_the_rush_of_its_start(rate_per_s: float) -> None:
    """Starts of a minute: what waits for them once asked for ever more, then for too few."""
    describer = replace(ELASTIC.describer, start_s=40, max_replicas=99)
    captioner = replace(ELASTIC.captioner, start_s=60, max_replicas=99)
    scaling = ELASTIC.scaling.model_copy(
        update={
            "describer": QUICK.model_copy(update={"target_ongoing": 12, "lone_share": 0.4}),
            "captioner": QUICK.model_copy(update={"target_ongoing": 12, "lone_share": 0.5}),
        }
    )
    model = replace(ELASTIC, describer=describer, captioner=captioner, scaling=scaling)
    outcome = simulate(model, poisson(rate_per_s, 1500, seed=2), 1400, ONE_EACH)
    settled = [tick[CAPTIONER][1] for tick in outcome.ticks[600:]]
    assert max(settled) <= 2 * min(settled) <= 12


def test_replicas_keep_within_their_bounds_and_cost_from_their_start() -> None:
    outcome = simulate(ELASTIC, step(1), 300, ONE_EACH)
    assert all(tick[DESCRIBER][1] <= 4 and tick[CAPTIONER][1] <= 16 for tick in outcome.ticks)
    running = sum(tick[CAPTIONER][1] for tick in outcome.ticks) / 3600
    assert outcome.replica_hours(CAPTIONER) > running


def test_it_runs_the_policy_of_production(monkeypatch: pytest.MonkeyPatch) -> None:
    def frozen(loads: dict[str, simulation.Load], *_: object) -> dict[str, simulation.Decision]:
        return {
            n: simulation.Decision(load.target, simulation.NO_WISH) for n, load in loads.items()
        }

    monkeypatch.setattr(simulation, "decide", frozen)
    outcome = simulate(ELASTIC, step(1), 300, ONE_EACH)
    assert {tick[CAPTIONER][1] for tick in outcome.ticks} == {1}


def test_a_captioner_that_anticipates_makes_a_step_wait_less() -> None:
    alone = replace(
        ELASTIC, scaling=ELASTIC.scaling.model_copy(update={"captioners_per_describer": 1e-9})
    )
    joint, independent = (
        simulate(model, step(2), 300, ONE_EACH).latencies_s() for model in (ELASTIC, alone)
    )
    assert quantile(joint, 0.99) < quantile(independent, 0.99)


def test_quantiles_are_of_the_sorted_values() -> None:
    values = [float(n) for n in range(100)]
    assert all(a <= b for a, b in pairwise(quantile(values, q / 10) for q in range(11)))
    assert quantile(values, 0.5) == 50
