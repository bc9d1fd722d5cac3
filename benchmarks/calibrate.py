"""The client against a server that costs nothing → the client's own ceiling on this machine."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.hardware import ROOT
from benchmarks.load.worker import Endpoint
from benchmarks.run import run
from benchmarks.scenario import Closed, Pictures, Requests, Scenario

CALLERS = 64
STOP_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Ceiling:
    """The client's rate; `per_core_per_s` is its requests per second of CPU time.

    The null server shares the machine, so `requests_per_s` is the rate at which both run on it;
    `per_core_per_s` is the rate that a client process could reach on a core of its own.
    """

    streamed: bool
    requests_per_s: float
    per_core_per_s: float


def calibrate(*, processes: int, duration_s: float = 3.0) -> list[Ceiling]:
    """Measure whole and streamed answers to a picture of 30 KB, 64 requests in flight."""
    with null_server() as url:
        return [_ceiling(url, streamed, processes, duration_s) for streamed in (False, True)]


@contextmanager
def null_server() -> Iterator[str]:
    """Run `benchmarks.null_server` in a process of its own; yields its URL."""
    command = [sys.executable, "-m", "benchmarks.null_server", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.communicate(timeout=STOP_TIMEOUT_S)


def _ceiling(url: str, streamed: bool, processes: int, duration_s: float) -> Ceiling:
    scenario = Scenario(
        name="calibrate",
        requests=Requests(pictures=Pictures(unique_share=0.0), streamed_share=float(streamed)),
        load=Closed(concurrency=CALLERS),
        warmup_s=0.5,
        duration_s=duration_s,
        max_requests=200_000,
        processes=processes,
    )
    (repeat,) = run(Endpoint(url), scenario).repeats
    cpu_s = sum(effort.cpu_share * effort.wall_s for effort in repeat.round.efforts)
    per_core = len(repeat.round.samples) / cpu_s if cpu_s else 0.0
    return Ceiling(streamed, repeat.figures.requests_per_s, per_core)
