"""The cluster's process (host.py) from outside: start it, command it, read its timeline.

Loads go over HTTP, as a caller's do, through the benchmarks' own client.
"""

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

from benchmarks.cluster import models
from benchmarks.cluster.nodes import environment, short_folder
from benchmarks.fleet import Fleet
from benchmarks.load.sample import Sample
from benchmarks.load.worker import Endpoint, Progress
from benchmarks.ports import free_port
from benchmarks.scenario import PictureKind, Pictures, Replay, Requests, Scenario

START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 90.0
TIMEOUT_S = 120.0
"""Limit for a request, equal to the gateway's own."""

PICTURE = PictureKind(width_px=256, height_px=192)
STREAMED_SHARE = 0.5

Phase = tuple[float, float]
"""Seconds, and requests a second."""


@dataclass(frozen=True)
class Sent:
    """Results of one load. `start_s` is on the timeline's clock (`time.monotonic`)."""

    start_s: float
    arrivals_s: list[float]
    samples: list[Sample]

    @property
    def failed(self) -> list[Sample]:
        """Return the requests without a complete answer."""
        return [sample for sample in self.samples if not sample.ok]


class Hosted:
    """A running cluster; `hosted` starts one."""

    def __init__(self, url: str, folder: Path, commands: IO[str]) -> None:
        self.url = url
        self._folder = folder
        self._commands = commands

    def command(self, text: str) -> None:
        """Send the host a command, e.g. `drain captioner`."""
        self._commands.write(f"{text}\n")
        self._commands.flush()

    def timeline(self) -> list[dict[str, Any]]:
        """Return all lines that the host has written so far."""
        text = (self._folder / "timeline.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines(keepends=True) if line[-1] == "\n"]

    def send(
        self, arrivals_s: Sequence[float], until_s: float, events: dict[float, str] | None = None
    ) -> Sent:
        """Ask for a caption at each time; send the host each command at its time."""
        trace = self._folder / "arrivals"
        trace.write_text("".join(f"{time_s:.6f}\n" for time_s in arrivals_s))
        scenario = Scenario(
            name="cluster",
            requests=Requests(
                pictures=Pictures(kinds=(PICTURE,), max_unique=4096), streamed_share=STREAMED_SHARE
            ),
            load=Replay(trace=trace),
            warmup_s=0,
            duration_s=until_s,
            timeout_s=TIMEOUT_S,
        )
        left = sorted((events or {}).items())
        starts_s: list[float] = []

        def on_progress(now_s: float, _: list[Progress]) -> None:
            starts_s.append(time.monotonic() - now_s)
            while left and left[0][0] <= now_s:
                self.command(left.pop(0)[1])

        with Fleet(Endpoint(self.url), scenario) as fleet:
            done = fleet.round(0, on_progress=on_progress)
        return Sent(min(starts_s), list(arrivals_s), done.samples)


@contextmanager
def hosted(
    log: Path, *, to_zero: bool = False, quiet_s: float = models.QUIET_S, embedded: bool = False
) -> Iterator[Hosted]:
    """Run a cluster for the length of the context; its output goes to `log`."""
    with short_folder() as folder, log.open("w") as errors:
        port = free_port()
        flags = ["--quiet-s", str(quiet_s), *(["--to-zero"] if to_zero else [])]
        flags += ["--embedded"] if embedded else []
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.cluster.host", str(folder), str(port), *flags],
            env=environment(folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        assert process.stdin is not None
        try:
            _wait_until_ready(process, log)
            yield Hosted(f"http://127.0.0.1:{port}", folder, process.stdin)
        finally:
            _stop(process)


def _wait_until_ready(process: subprocess.Popen[str], log: Path) -> None:
    """Read the host's output, to which Ray prints too, until `ready`. The host has deadlines."""
    assert process.stdout is not None
    printed = []
    for line in process.stdout:
        if line == "ready\n":
            return
        printed.append(line)
    said = log.read_text()[-2000:] + "".join(printed)[-2000:]
    raise RuntimeError(f"the cluster did not start (status {process.wait(STOP_TIMEOUT_S)}): {said}")


def _stop(process: subprocess.Popen[str]) -> None:
    """Ask the host to end; if it hangs, kill it with all its children."""
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in family:
        if child.is_running():
            child.kill()


def poisson(phases: Sequence[Phase], seed: int) -> list[float]:
    """Return Poisson arrival times whose rate changes from phase to phase."""
    draw = random.Random(seed)
    arrivals_s, begins_s = [], 0.0
    for seconds, rate_per_s in phases:
        now_s = begins_s
        while rate_per_s and (now_s := now_s + draw.expovariate(rate_per_s)) < begins_s + seconds:
            arrivals_s.append(now_s)
        begins_s += seconds
    return arrivals_s
