"""`python -m benchmarks.cluster`: run the experiments, write their results and draw them."""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.cluster import models
from benchmarks.cluster.hosted import Phase, Sent, hosted, poisson
from benchmarks.cluster.nodes import KINDS
from benchmarks.cluster.plot import timeline
from benchmarks.hardware import Environment, describe
from benchmarks.report.plots import png

RESULTS = Path(__file__).parents[1] / "results" / "cluster"


@dataclass(frozen=True)
class Experiment:
    """A load in phases, and the commands to nodes meanwhile."""

    phases: tuple[Phase, ...]
    events: dict[float, str] = field(default_factory=dict)
    to_zero: bool = False
    embedded: bool = False
    seed: int = 1


EXPERIMENTS = {
    "step": Experiment(((20, 2), (90, 16), (80, 1.5)), {80: "drain captioner"}),
    "to-zero": Experiment(((2, 1), (18, 1), (45, 10), (65, 0), (5, 1), (20, 0)), to_zero=True),
    "killed": Experiment(((15, 2), (60, 10), (5, 1)), {55: "kill captioner"}),
    "real-engines": Experiment(
        ((2, 1), (58, 2), (40, 0), (2, 1), (40, 1)), to_zero=True, embedded=True
    ),
}


def run(name: str, experiment: Experiment, environment: Environment, log: Path) -> dict[str, Any]:
    """Run one experiment on a cluster of its own; return its result as JSON."""
    arrivals_s = poisson(experiment.phases, experiment.seed)
    until_s = sum(seconds for seconds, _ in experiment.phases)
    with hosted(log, to_zero=experiment.to_zero, embedded=experiment.embedded) as host:
        sent = host.send(arrivals_s, until_s, experiment.events)
        timeline = host.timeline()
    return {
        "name": name,
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "experiment": asdict(experiment),
        "models": "the embedded ones" if experiment.embedded else models.described(),
        "environment": asdict(environment),
        "requests": len(sent.samples),
        "failed": [asdict(sample) for sample in sent.failed],
        "samples": [
            [round(s.scheduled_s, 3), round(s.e2e_s, 3), str(s.outcome)] for s in sent.samples
        ],
        "timeline": [_line(line, sent) for line in timeline],
    }


def _line(line: dict[str, Any], sent: Sent) -> dict[str, Any]:
    """Return a timeline's line with its time on the load's clock, without replicas' names."""
    short = {"t_s": round(line["monotonic_s"] - sent.start_s, 2), "nodes": line["nodes"]}
    for kind in KINDS:
        stage = line[kind.capitalize()]
        on_kinds = sorted({kind for _, kind in stage["places"].values()})
        short[kind] = {"target": stage["target"], **stage["states"], "on": on_kinds}
    return short | ({"event": line["event"]} if "event" in line else {})


def main() -> int:
    """Run the named experiments, or all; return 1 if a request failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(EXPERIMENTS))
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="DIR")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    environment = describe()  # once: the results change the work tree that it tells the commit of
    failed = 0
    for name in options.names or EXPERIMENTS:
        with tempfile.TemporaryDirectory() as folder:
            result = run(name, EXPERIMENTS[name], environment, Path(folder) / "log")
        failed += len(result["failed"])
        print(f"{name}: {result['requests']} requests, {len(result['failed'])} failed", flush=True)
        (options.output / f"{name}.json").write_text(json.dumps(result) + "\n")
        if not EXPERIMENTS[name].embedded:
            (options.output / f"{name}.png").write_bytes(png(timeline(result)))
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
