"""`python -m benchmarks.autoscaling.latency`: a target for the captioner's p95, kept at what cost.

The service's policy with its default tuning and several such targets, over loads of five kinds,
simulated as in `benchmarks.autoscaling`. Writes results/cluster/latency.json and prints a table.
"""

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from statistics import mean
from typing import Any

import numpy as np

from benchmarks.autoscaling import compare
from benchmarks.autoscaling.curves import MEASURED, read_curves
from benchmarks.autoscaling.policies import Tuning, ours
from benchmarks.autoscaling.reports import CAPTIONER
from benchmarks.autoscaling.service import System
from benchmarks.autoscaling.traces import TEST, Trace
from benchmarks.hardware import describe

RESULT = MEASURED.with_name("latency.json")

KINDS = ("steady", "ramp", "day in 15 minutes", "bursts", "tenfold rush")
SEEDS = (2001, 2002, 2003)

LONE_FACTORS = (None, 20.0, 12.0, 8.0, 6.0, 4.0, 2.0)
"""Targets, as multiples of what a lone caption of mean length takes. Lengths are exponential, so
95 % of lone captions take no more than three times that: the last target cannot be kept."""

LEARNT_S = 120.0
"""The policy begins without knowing the engine; waits before this time do not count."""


def tuning(system: System) -> Tuning:
    """Return three quarters of what an engine holds, as in deploy/cluster.yaml; short windows."""
    share = 0.75
    return Tuning(
        describer=share * (len(system.describer.rates) - 1),
        captioner=share * (len(system.captioner.rates) - 1),
        gateway=1.3,
        downscale_s=60.0,
    )


def judge(system: System, task: tuple[Trace, float | None]) -> dict[str, Any]:
    """Return what one run had of late captions, and what it cost."""
    trace, target_s = task
    policy = ours(replace(tuning(system), captioner_p95_s=target_s))
    outcome = compare.run(system, trace, policy)
    waits_s = [wait_s for ended_s, wait_s in outcome.waits_s if ended_s >= LEARNT_S]
    return {
        "trace": trace.name,
        "target_p95_s": target_s,
        "p95_s": round(float(np.quantile(waits_s, 0.95)), 3),
        "late_share": None if target_s is None else float(np.mean(np.array(waits_s) > target_s)),
        "captioner_s": outcome.replica_s(CAPTIONER),
    }


def means(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the mean of the seeds for each kind and target, in the order of the rows."""
    keys = list(dict.fromkeys((row["trace"], row["target_p95_s"]) for row in rows))
    found = []
    for trace, target_s in keys:
        same = [row for row in rows if (row["trace"], row["target_p95_s"]) == (trace, target_s)]
        figures = (
            ("p95_s", "captioner_s") if target_s is None else ("p95_s", "late_share", "captioner_s")
        )
        found.append(
            {"trace": trace, "target_p95_s": target_s}
            | {name: round(mean(row[name] for row in same), 4) for name in figures}
        )
    return found


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the means as a Markdown table: p95 and replica-seconds by kind and target."""
    targets = list(dict.fromkeys(row["target_p95_s"] for row in rows))
    heads = ["none" if target_s is None else f"{target_s:.2f} s" for target_s in targets]
    lines = ["| load | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for kind in KINDS:
        cells = [f"{r['p95_s']:.2f} s, {r['captioner_s']:,.0f}" for r in rows if r["trace"] == kind]
        lines.append(f"| {kind} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Simulate, print and write."""
    system = compare.system_of(read_curves())
    lone_s = 1 / system.captioner.rates[1]
    targets = [None if factor is None else round(factor * lone_s, 3) for factor in LONE_FACTORS]
    kinds = {name: TEST[name] for name in KINDS}
    traces = compare.traces(system, kinds, SEEDS)
    tasks = [(trace, target_s) for trace in traces for target_s in targets]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        rows = list(pool.map(partial(judge, system), tasks))
    result = {
        "simulated_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "about": "captioners with a target for the p95 of their calls; p95 and replica-seconds",
        "environment": asdict(describe()),
        "lone_s": round(lone_s, 4),
        "tuning": asdict(tuning(system)),
        "means": means(rows),
        "rows": rows,
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(table(means(rows)))


if __name__ == "__main__":
    main()
