"""`python -m benchmarks.cluster.simulate`: measured runs beside the model, then larger loads.

Reads results/cluster/*.json, writes results/cluster/simulation.json and docs/scaling-*.png. Loads
too large for this machine are simulated with the same stand-ins and an H100 cluster's delays: their
load stands for 150 times as much on as many real GPUs.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.cluster import models
from benchmarks.cluster.hosted import Phase, poisson
from benchmarks.cluster.nodes import KINDS
from benchmarks.cluster.plot import compared, joint_and_alone, timeline
from benchmarks.report.plots import png
from caption_studio.scaling.policy import CAPTIONER, DESCRIBER
from caption_studio.scaling.simulation import Model, Outcome, StageModel, quantile, simulate
from caption_studio.settings import ScalingSettings, StageScaling

RESULTS = Path(__file__).parents[1] / "results" / "cluster"
DOCS = Path(__file__).parents[2] / "docs"

DESCRIBER_START_S, CAPTIONER_START_S = 90.0, 150.0
"""Assumed starts: the node and the image are warm; weights of 0.8 and 14 GB, CUDA graphs."""

GATEWAY_TEXT_S, GATEWAY_PICTURE_S = 0.004, 0.010
"""CPU time of a gateway for one request, measured, including the decoding of a JPEG."""

PIXELS_BYTES = 224 * 224 * 3
RATES_PER_S = (10, 1_000, 10_000, 100_000)
RATIO = ScalingSettings().captioners_per_describer
FULL_DESCRIBER_PER_S = 2350.0
FULL_CAPTIONER_PER_S = 640.0


def measured_and_simulated(result: dict[str, Any]) -> dict[str, Any]:
    """Run a result's arrivals through the model; return both and their difference."""
    experiment = result["experiment"]
    arrivals_s = [sample[0] for sample in result["samples"]]
    until_s = sum(seconds for seconds, _ in experiment["phases"])
    least = 0 if experiment["to_zero"] else 1
    model = models.model(to_zero=experiment["to_zero"])
    outcome = simulate(model, arrivals_s, until_s, {DESCRIBER: least, CAPTIONER: least})
    found: dict[str, Any] = {"name": result["name"]}
    for kind, stage in (("describer", DESCRIBER), ("captioner", CAPTIONER)):
        ran = _each_second(result["timeline"], kind, int(until_s))
        modelled = [tick[stage][1] for tick in outcome.ticks]
        found[kind] = {
            "measured": ran,
            "simulated": modelled,
            "replica_seconds": [sum(ran), sum(modelled)],
            "mean_difference": sum(abs(a - b) for a, b in zip(ran, modelled, strict=True))
            / len(ran),
        }
    took_s = sorted(sample[1] for sample in result["samples"] if sample[2] == "ok")
    for share in (0.5, 0.95, 0.99):
        pair = [quantile(took_s, share), quantile(outcome.latencies_s(), share)]
        found[f"p{share * 100:g}_s"] = [round(value, 2) for value in pair]
    return found


def _each_second(lines: Sequence[dict[str, Any]], kind: str, seconds: int) -> list[int]:
    running, at = [], 0
    for second in range(seconds):
        while at + 1 < len(lines) and lines[at + 1]["t_s"] <= second:
            at += 1
        running.append(lines[at][kind].get("RUNNING", 0))
    return running


def production(captioners_per_describer: float) -> Model:
    """Return the stand-ins with the settings and delays of an H100 cluster."""
    small = models.scaling()
    settings = ScalingSettings()
    stages = {
        kind: getattr(settings, kind).model_copy(
            update=getattr(small, kind).model_dump(include={"target_ongoing", "lone_share"})
        )
        for kind in KINDS
    }
    return Model(
        replace(models.DESCRIBER, start_s=DESCRIBER_START_S, max_replicas=1000),
        replace(models.CAPTIONER, start_s=CAPTIONER_START_S, max_replicas=1000),
        ScalingSettings(**stages, captioners_per_describer=captioners_per_describer),
        look_back_s=models.LOOK_BACK_S,
        report_s=models.REPORT_S,
    )


def figures(outcome: Outcome, from_s: float, to_s: float) -> dict[str, float]:
    """Return callers' latencies within a time, and the cost in replica hours."""
    took_s = outcome.latencies_s(from_s, to_s)
    return {
        "p50_s": round(quantile(took_s, 0.5), 2),
        "p99_s": round(quantile(took_s, 0.99), 2),
        "describer_hours": round(outcome.replica_hours(DESCRIBER), 3),
        "captioner_hours": round(outcome.replica_hours(CAPTIONER), 3),
    }


JOINT_LOAD: tuple[Phase, ...] = ((300, 6), (1500, 60), (900, 6))
"""Stands for 900 captions/s of H100s, then 9,000, then 900."""


def joint_against_alone() -> dict[str, Any]:
    """Compare scaling the captioner with the describer and alone, in a step and from zero."""
    arrivals_s = poisson(JOINT_LOAD, seed=5)
    until_s = sum(seconds for seconds, _ in JOINT_LOAD)
    found: dict[str, Any] = {}
    for name, ratio in (("joint", RATIO), ("alone", 1e-9)):
        model = production(ratio)
        outcome = simulate(model, arrivals_s, until_s, {DESCRIBER: 1, CAPTIONER: 3})
        found[name] = figures(outcome, JOINT_LOAD[0][0], JOINT_LOAD[0][0] + 600)
        found[name]["ticks"] = [tick[CAPTIONER][1] for tick in outcome.ticks]
        sleeping = simulate(model, poisson(((600, 2),), 7), 600, {DESCRIBER: 0, CAPTIONER: 0})
        found[name]["from_zero"] = figures(sleeping, 0, 600) | {
            "first_answer_s": round(min(e for e in sleeping.ended_s if e is not None), 1)
        }
    return found


def steady(size: dict[str, Any]) -> dict[str, Any]:
    """Simulate an hour of a rate under the policy, from the replicas by arithmetic on."""
    model = production(RATIO)
    rate_per_s = size["captions_per_s"]
    arrivals_s = poisson(((3600, rate_per_s / models.SLOWED),), seed=11)
    start = {DESCRIBER: size["describers"], CAPTIONER: size["captioners"]}
    outcome = simulate(model, arrivals_s, 3600, start)
    late = outcome.ticks[1800:]
    held = {stage: sorted({tick[stage][1] for tick in late}) for stage in (DESCRIBER, CAPTIONER)}
    return {"captions_per_s": rate_per_s, "replicas_in_the_last_half_hour": held}


def at_target(stage: StageModel, target: StageScaling, together: int, full_per_s: float) -> float:
    """Return the requests a second of one real replica at the policy's target load."""
    share = min(1.0, target.target_ongoing / together)
    in_flight = share * models.TOGETHER
    part = in_flight / (stage.base_s + stage.each_s * in_flight)
    full = models.TOGETHER / (stage.base_s + stage.each_s * models.TOGETHER)
    return full_per_s * part / full


def sizes() -> list[dict[str, Any]]:
    """Return the replicas, CPUs and bandwidth that each rate takes by arithmetic."""
    settings = ScalingSettings()
    describes = at_target(models.DESCRIBER, settings.describer, 64, FULL_DESCRIBER_PER_S)
    captions = at_target(models.CAPTIONER, settings.captioner, 256, FULL_CAPTIONER_PER_S)
    rows = []
    for rate_per_s in RATES_PER_S:
        describers = math.ceil(rate_per_s / describes)
        own = math.ceil(rate_per_s / captions)
        rows.append(
            {
                "captions_per_s": rate_per_s,
                "describers": describers,
                "captioners": own,
                "captioners_by_ratio": math.ceil(
                    rate_per_s / describes * settings.captioners_per_describer
                ),
                "gateway_cores": rate_per_s * GATEWAY_PICTURE_S,
                "gateways": math.ceil(rate_per_s * GATEWAY_TEXT_S),
                "pixels_gbit_per_s": rate_per_s * PIXELS_BYTES * 8 / 1e9,
            }
        )
    return rows


def main() -> None:
    """Write the numbers and the plots."""
    results = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))]
    results = [result for result in results if "timeline" in result]
    checks = [measured_and_simulated(result) for result in results]
    joint = joint_against_alone()
    found = {
        "checks": checks,
        "joint": joint,
        "sizes": sizes(),
        "steady": [steady(size) for size in sizes()[:3]],
    }
    (RESULTS / "simulation.json").write_text(json.dumps(found) + "\n")
    for result in results:
        (DOCS / f"scaling-{result['name']}.png").write_bytes(png(timeline(result)))
    (DOCS / "scaling-simulated.png").write_bytes(png(compared(checks)))
    (DOCS / "scaling-joint.png").write_bytes(png(joint_and_alone(joint, JOINT_LOAD)))
    for check in checks:
        print(check["name"], {k: v for k, v in check.items() if k.startswith("p")})
        for kind in ("describer", "captioner"):
            each = check[kind]
            print(f"  {kind}: {each['replica_seconds']} off by {each['mean_difference']:.2f}")
    for name in ("joint", "alone"):
        print(name, {key: value for key, value in joint[name].items() if key != "ticks"})
    print(*found["sizes"], *found["steady"], sep="\n")


if __name__ == "__main__":
    main()
