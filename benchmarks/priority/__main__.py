"""`python -m benchmarks.priority`: a service for each value of the setting; print and write."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openai
import yaml

from benchmarks.figures.measure import Figures, figures
from benchmarks.fleet import Fleet
from benchmarks.hardware import describe
from benchmarks.load.worker import Endpoint
from benchmarks.priority.batch import input_file, running
from benchmarks.priority.figures import Callers, Pair, Point, lines, step_lines
from benchmarks.scenario import Closed, PictureKind, Scenario
from benchmarks.scenario.load import Poisson
from benchmarks.scenario.requests import Pictures, Requests
from benchmarks.service import serving

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "deploy" / "demo.yaml"
OUTPUT = ROOT / "benchmarks" / "results" / "priority.json"
VALUES = (2, 8, 12, 16, 32)
LOAD = 0.3
"""The callers' share of the capacity."""

MAX_TOKENS = 32
CALLERS = 64
WARM_UP_S = 3.0
SETTLE_S = 1.0
"""Of a batch, before the callers' warm-up."""

STEPS_TIMEOUT_S = 300.0

BATCH_LINES_A_SECOND = 250
"""More than a service answers here, so that a batch lasts."""

KIND = PictureKind(width_px=320, height_px=240)


def measure(options: argparse.Namespace, max_in_flight: int, folder: Path) -> Point:
    """Start a service with this value, and measure its point of the curve."""
    config = _config(max_in_flight, folder)
    with serving(config, folder, {}) as service:
        client = openai.OpenAI(base_url=f"{service.url}/v1", api_key="none", max_retries=0)
        scenario = _scenario(options)
        with Fleet(Endpoint(service.url, None), scenario) as fleet:
            _asked(fleet, scenario, 0)  # the first answers of a service are slow
            count = round((options.seconds + WARM_UP_S + 10) * BATCH_LINES_A_SECOND)
            file_id = input_file(client, count, KIND, MAX_TOKENS)
            pairs = [
                _pair(fleet, scenario, client, file_id, 1 + 3 * number)
                for number in range(options.repeats)
            ]
    return Point(max_in_flight, pairs)


def _pair(
    fleet: Fleet, scenario: Scenario, client: openai.OpenAI, file_id: str, number: int
) -> Pair:
    """Measure one after the other: a machine's capacity is another in each minute."""
    capacity_per_s = _asked(fleet, scenario, number).captions_per_s
    load = Poisson(rate_per_s=LOAD * capacity_per_s)
    online = scenario.model_copy(update={"load": load})
    alone = _asked(fleet, online, number + 1)
    with running(client, file_id) as batch:
        time.sleep(SETTLE_S)
        began_s = time.time()
        beside = _asked(fleet, online, number + 2)
        window_s = (began_s + online.warmup_s, began_s + online.warmup_s + online.duration_s)
    return Pair(capacity_per_s, _callers(alone), _callers(beside), batch.per_s(*window_s))


def _callers(found: Figures) -> Callers:
    assert found.e2e is not None, "nobody was answered"
    return Callers(found.e2e.p95_s, found.captions_per_s, found.failed, found.stages)


def _asked(fleet: Fleet, scenario: Scenario, number: int) -> Figures:
    return figures(fleet.round(number, scenario).samples, scenario)


def _scenario(options: argparse.Namespace) -> Scenario:
    """Return the closed loop that tells the capacity; the other loads have its requests."""
    return Scenario(
        name="priority",
        requests=Requests(pictures=Pictures(kinds=(KIND,)), max_tokens=MAX_TOKENS, temperature=0),
        load=Closed(concurrency=CALLERS),
        warmup_s=WARM_UP_S,
        duration_s=options.seconds,
        seed=options.seed,
    )


def _config(max_in_flight: int, folder: Path) -> Mapping[str, Any]:
    config: dict[str, Any] = yaml.safe_load(CONFIG.read_text())
    config["applications"][0]["args"] = {
        "vision": {"cache_size": 0},  # pictures of several rounds are alike
        "batches": {"store": str(folder / "files"), "max_in_flight": max_in_flight},
    }
    return config


def _steps(most: int) -> list[dict[str, float]]:
    """Measure a caller's wait for a place in the captioner, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.priority.stepped_captioner"],
        cwd=ROOT,
        env={**os.environ, "CAPTION_STUDIO_BATCHES__MAX_IN_FLIGHT": str(most)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=STEPS_TIMEOUT_S,
    )
    found: list[dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    """Measure, print and write; 1 if the targets are missed at all values."""
    parser = argparse.ArgumentParser("python -m benchmarks.priority", description=__doc__)
    parser.add_argument("--values", type=int, nargs="+", default=VALUES)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=12.0, help="of each measurement")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="FILE")
    options = parser.parse_args()
    steps = _steps(max(options.values))
    print("\n".join(step_lines(steps)), flush=True)
    points = []
    for value in options.values:
        with tempfile.TemporaryDirectory() as folder:
            points.append(measure(options, value, Path(folder)))
        print(lines(points[-1:])[1], flush=True)
    print("\n".join(lines(points)))
    result = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "load_share": LOAD,
        "seconds": options.seconds,
        "seed": options.seed,
        "steps": steps,
        "points": [point.as_json() for point in points],
        "environment": asdict(describe()),
    }
    options.output.write_text(json.dumps(result, indent=1) + "\n")
    return 0 if any(point.is_within for point in points) else 1


if __name__ == "__main__":
    sys.exit(main())
