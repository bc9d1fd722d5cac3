"""`python -m benchmarks.hop`: send pictures each way, print the table, write the result."""

import argparse
import itertools
import json
import os
import sys
from collections import defaultdict
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, get_args

import ray
from ray import serve

from benchmarks.figures.calls import medians_ms
from benchmarks.hardware import describe
from benchmarks.hop.replicas import Calls, Way, receiver_deployment, sender_deployment

RESULTS = Path(__file__).parents[1] / "results"
REPEATS = 3
SECONDS = 3.0
SIZES_PX = (64, 224)
"""The embedded model's input and git-large-coco's: 12 and 150 KB."""

IN_FLIGHT = (1, 32)

Key = tuple[int, int, Way]
"""Size in pixels, calls in flight, way."""

Found = dict[Key, list[Calls]]


def measure(*, repeats: int, seconds: float) -> Found:
    """Send pictures each way in turn, `repeats` times, between two replicas on this machine."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    found: Found = defaultdict(list)
    try:
        application = sender_deployment.bind(receiver_deployment.bind())
        sender = serve.run(application, name="hop", route_prefix=None)
        for repeat in range(-1, repeats):  # the first one warms up
            for size_px, in_flight, way in itertools.product(SIZES_PX, IN_FLIGHT, get_args(Way)):
                wanted_s = seconds if repeat >= 0 else seconds / 3
                calls = sender.send.remote(way, size_px, in_flight, wanted_s).result()
                if repeat >= 0:
                    found[size_px, in_flight, way].append(calls)
    finally:
        serve.shutdown()
        ray.shutdown()
    return found


def figures(repeats: list[Calls]) -> dict[str, float]:
    """Return the medians over the repeats."""
    return {
        "calls_per_s": median(len(calls.latencies_s) / calls.elapsed_s for calls in repeats),
        **medians_ms(repeats),
    }


def report(found: Found) -> dict[str, Any]:
    """Return the content of the result file."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "figures": [
            {"size_px": size_px, "in_flight": in_flight, "way": way, **figures(repeats)}
            for (size_px, in_flight, way), repeats in found.items()
        ],
        "environment": asdict(describe()),
    }


def lines(figures: list[dict[str, Any]]) -> list[str]:
    """Return the table for the terminal."""
    head = f"{'pixels':>8} {'in flight':>9} {'way':>6} {'calls/s':>8} {'p50 ms':>7} {'p95 ms':>7}"
    return [
        f"{head} {'CPU ms':>7}",
        *(
            f"{one['size_px']:>8} {one['in_flight']:>9} {one['way']:>6}"
            f" {one['calls_per_s']:8.0f} {one['p50_ms']:7.2f} {one['p95_ms']:7.2f}"
            f" {one['cpu_ms']:7.2f}"
            for one in figures
        ),
    ]


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hop", description=__doc__)
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="DIR")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each measurement")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    options = parser.parse_args()
    result = report(measure(repeats=options.repeats, seconds=options.seconds))
    print("\n".join(lines(result["figures"])))
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "hop.json").write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
