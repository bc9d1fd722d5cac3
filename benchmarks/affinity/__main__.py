"""`python -m benchmarks.affinity`: send traces each way in turn; print the table and write it."""

import argparse
import json
import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import ray
from ray import serve

from benchmarks.affinity.figures import Case, Sent, What, lines, row
from benchmarks.affinity.gateways import Target, send, started
from benchmarks.affinity.stages import Way, captioners, describers
from benchmarks.affinity.traces import Trace, fresh, zipf
from benchmarks.hardware import describe

RESULTS = Path(__file__).parents[1] / "results"
REPEATS = 3
SECONDS = 4.0
REPLICAS = (1, 2, 4, 8)
RATE_PER_S = 150.0
"""Two cores carry some 1,100 calls a second between replicas (results/hop.json)."""

PICTURES = 300
ADAPTERS = 16
EXPONENT = 0.8
"""Of popularity. Breslau et al., "Web caching and Zipf-like distributions" (1999), found 0.64 to
0.83 in the traces of six web proxies."""

Rows = list[dict[str, Any]]

TRACES: tuple[What, ...] = ("repeats", "fresh", "adapters")


def trace_of(what: What, seed: int, seconds: float) -> Trace:
    """Return the trace of one repeat, the same for each way."""
    if what == "fresh":
        return fresh(seed, rate_per_s=RATE_PER_S, seconds=seconds)
    items = ADAPTERS if what == "adapters" else PICTURES
    return zipf(seed, rate_per_s=RATE_PER_S, seconds=seconds, items=items, exponent=EXPONENT)


def measure(replicas: int, *, repeats: int, seconds: float, gateways: list[Any]) -> Rows:
    """Send every trace each way in turn, `repeats` times, to so many replicas of each stage."""
    targets: dict[tuple[bool, Way], Target] = {}
    for way in get_args(Way):
        for pictures, stage in ((True, describers), (False, captioners)):
            name = f"{stage.__name__}-{way.replace(' ', '-')}"
            handle = serve.run(stage(way, replicas), name=name, route_prefix=None)
            targets[pictures, way] = Target(name, handle, pictures)
    sent: dict[Case, list[Sent]] = defaultdict(list)
    traces: dict[What, list[Trace]] = defaultdict(list)
    for repeat in range(-1, repeats):  # the first one warms up
        for what in TRACES:
            trace = trace_of(what, repeat, seconds if repeat >= 0 else seconds / 4)
            for way in get_args(Way)[:: 1 if repeat % 2 else -1]:
                salt = 10 * repeat + TRACES.index(what)
                one = send(gateways, targets[what != "adapters", way], trace, salt + 100)
                if repeat >= 0:
                    sent[Case(what, replicas, way)].append(one)
            if repeat >= 0:
                traces[what].append(trace)
    for target in targets.values():
        serve.delete(target.name)
    return [row(case, traces[case.what], several) for case, several in sent.items()]


def measure_all(counts: Sequence[int], *, repeats: int, seconds: float) -> Rows:
    """Measure with each number of replicas in turn, on this machine."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ["RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP"] = "0"  # as the service does
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    rows: Rows = []
    try:
        gateways = started()
        for replicas in counts:
            rows += measure(replicas, repeats=repeats, seconds=seconds, gateways=gateways)
            print("\n".join(lines(rows)), flush=True)
    finally:
        serve.shutdown()
        ray.shutdown()
    return rows


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.affinity", description=__doc__)
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="DIR")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each trace")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--replicas", type=int, nargs="+", default=REPLICAS)
    options = parser.parse_args()
    environment = asdict(describe())
    rows = measure_all(options.replicas, repeats=options.repeats, seconds=options.seconds)
    result = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "rate_per_s": RATE_PER_S,
        "exponent": EXPONENT,
        "figures": rows,
        "environment": environment,
    }
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "affinity.json").write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
