"""`python -m benchmarks.size`: add replicas step by step; print the table and write it.

It stops before it would use more than `MOST_MEMORY` of the machine's memory, or after `--minutes`.
"""

import argparse
import json
import os
import sys
import time
from collections import defaultdict
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from benchmarks.arguments import up_to
from benchmarks.hardware import describe
from benchmarks.load.worker import Endpoint
from benchmarks.processes import look_at_family, part_of
from benchmarks.run import run
from benchmarks.scenario import Closed, Requests, Scenario, Text
from benchmarks.size.figures import Seen, Spell, lines, row
from benchmarks.size.serve import Running, running

RESULTS = Path(__file__).parents[1] / "results"
SIZES = (4, 8, 16, 32, 48, 64, 80, 96, 112, 128, 160, 192)
MOST_MEMORY = 0.8
CALLERS = 16
SECONDS = 8.0
MINUTES = 10.0
SETTLE_S = 10.0
"""Between the last start and the first figure: the controller's last hundred loops are idle."""


def measure(*, minutes: float, seconds: float) -> list[dict[str, Any]]:
    """Measure at each size that memory and time allow."""
    ends_s = time.monotonic() + 60 * minutes
    rows: list[dict[str, Any]] = []
    size, each_bytes, step_s = 2, 150e6, 60.0
    with running() as service:
        for replicas in SIZES:
            memory = psutil.virtual_memory()
            used = memory.total - memory.available + (replicas - size) * each_bytes
            if used > MOST_MEMORY * memory.total or time.monotonic() + step_s > ends_s:
                break
            begun_s = time.monotonic()
            start_s = service.resize(replicas)
            time.sleep(SETTLE_S)
            taken = memory.available - psutil.virtual_memory().available
            each_bytes = taken / (replicas - (size if rows else 0))
            seen = look(service, replicas, seconds, start_s, each_bytes)
            rows.append(row(seen))
            print("\n".join(lines(rows)), flush=True)
            size, step_s = replicas, 1.5 * (time.monotonic() - begun_s)
    return rows


def look(
    service: Running, replicas: int, seconds: float, start_s: float, each_bytes: float
) -> Seen:
    """Return what there is to see at this size."""
    before = cpu_s()
    time.sleep(seconds)
    idle = Spell(seconds, since(before))
    loop_s, status_s = service.loop_s(), service.status_s()
    change_s = service.change(replicas)
    loaded = load(service.url, seconds)
    return Seen(replicas, start_s, each_bytes, change_s, status_s, loop_s, idle, loaded)


def load(url: str, seconds: float) -> Spell:
    """Let `CALLERS` ask for a text each, again and again."""
    scenario = Scenario(
        name="size",
        requests=Requests(text=Text()),
        load=Closed(concurrency=CALLERS),
        warmup_s=2.0,
        duration_s=seconds,
    )
    before, begun_s = cpu_s(), time.monotonic()
    (repeat,) = run(Endpoint(url), scenario).repeats
    spent = since(before)
    found = repeat.figures
    return Spell(
        seconds=time.monotonic() - begun_s,
        cpu_s=spent,
        answers=len(repeat.round.samples),
        failures=found.failed,
        requests_per_s=found.requests_per_s,
        p50_ms=1e3 * found.e2e.p50_s if found.e2e else 0.0,
        p99_ms=1e3 * found.e2e.p99_s if found.e2e else 0.0,
    )


def cpu_s() -> dict[int, tuple[str, float]]:
    """Return the CPU seconds of each process of the service, with its part."""

    def look(process: psutil.Process, command: str) -> tuple[int, tuple[str, float]]:
        part = "controller" if "ray::ServeController" in command else part_of(command)
        times = process.cpu_times()
        return process.pid, (part, times.user + times.system)

    return dict(look_at_family(os.getpid(), look))


def since(before: dict[int, tuple[str, float]]) -> dict[str, float]:
    """Return each part's CPU seconds since then."""
    spent: dict[str, float] = defaultdict(float)
    for pid, (part, seconds) in cpu_s().items():
        spent[part] += seconds - before.get(pid, (part, 0.0))[1]
    return dict(spent)


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.size", description=__doc__)
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="DIR")
    parser.add_argument("--seconds", type=up_to(60), default=SECONDS, help="of each measurement")
    parser.add_argument("--minutes", type=up_to(60), default=MINUTES, help="of all together")
    options = parser.parse_args()
    environment = asdict(describe())
    rows = measure(minutes=options.minutes, seconds=options.seconds)
    result = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "callers": CALLERS,
        "figures": rows,
        "environment": environment,
    }
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "size.json").write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
