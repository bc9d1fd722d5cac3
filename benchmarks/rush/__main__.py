"""`python -m benchmarks.rush`: a closed loop, then all callers at once; print and write."""

import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.hardware import describe
from benchmarks.load.worker import Endpoint
from benchmarks.run import check_endpoint
from benchmarks.rush.callers import Played, Round, work
from benchmarks.rush.figures import Ending, Rush, rate, summary

MAX_REQUESTS = 4000
CALLERS_A_PROCESS = 400
"""With more callers, the client's event loop spends so long on their requests that it reads answers
late. With fewer, there are too many processes for the machine."""

CLOSED_CALLERS = 64
WARM_UP_S = 3.0
PREPARE_S = 20.0
"""Time to paint the pictures before the rush."""

START_TIMEOUT_S = 120.0
ROUND_TIMEOUT_S = 400.0


class Callers:
    """The client processes, which run a round in parallel."""

    def __init__(self, pipes: list[Connection]) -> None:
        self._pipes = pipes
        self._pictures = time.time_ns() >> 20  # not those of the last run, which are cached

    def round(self, callers: int, max_retries: int, *, closed_s: float | None = None) -> Played:
        """Run a round in which each caller asks once, or repeatedly for `closed_s`."""
        start_at_s = time.monotonic() + (0.5 if closed_s else PREPARE_S)
        played: list[Played] = []
        for number, pipe in enumerate(self._pipes):
            count = len(range(number, callers, len(self._pipes)))
            first = self._pictures + number * 1_000_000
            pipe.send(Round(count, max_retries, start_at_s, first, closed_s))
        self._pictures += len(self._pipes) * 1_000_000
        for pipe in self._pipes:
            if not pipe.poll(ROUND_TIMEOUT_S):
                raise TimeoutError("a client process does not answer")
            played.append(pipe.recv())
        endings = [ending for one in played for ending in one.endings]
        return Played(endings, max(one.late_s for one in played))


@contextmanager
def callers(service: tuple[str, str, str], processes: int) -> Iterator[Callers]:
    """Run the client processes for a URL, API key and model."""
    context = multiprocessing.get_context("spawn")
    pipes, started = [], []
    for _ in range(processes):
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(theirs, *service), daemon=True)
        process.start()
        pipes.append(ours)
        started.append(process)
    try:
        for pipe in pipes:
            if not pipe.poll(START_TIMEOUT_S):
                raise TimeoutError("a client process does not start")
            pipe.recv()
        yield Callers(pipes)
    finally:
        for process in started:
            process.terminate()
            process.join()


def measure(options: argparse.Namespace) -> Rush:
    """Run the closed loop and then the rush."""
    processes = -(-options.requests // CALLERS_A_PROCESS)
    with callers((options.url, options.api_key, options.model), processes) as group:
        closed: list[Ending] = []
        closed_per_s = 0.0
        if options.closed_s:
            closed = group.round(CLOSED_CALLERS, 0, closed_s=options.closed_s).endings
            closed_per_s = rate(closed, WARM_UP_S, options.closed_s)
        rush = group.round(options.requests, options.max_retries)
    refused = sum(ending.outcome == "http_429" for ending in closed)
    return summary(rush.endings, closed_per_s, refused, rush.late_s)


def lines(found: Rush) -> list[str]:
    """Return the table for the terminal."""
    return [
        f"closed loop, {CLOSED_CALLERS} callers  {found.closed_per_s:.1f}/s,"
        f" {found.closed_refused} refused",
        f"at once                   {found.requests} requests, {found.answered} answered"
        f" ({found.outcomes})",
        f"answered after retries    {found.answered_after_retries}",
        f"answers in each 5 s       {found.completions_per_window}",
        f"last answer               {found.last_answer_s:.1f} s"
        f" (last of all {found.last_ending_s:.1f} s)",
        f"rate over the whole       {found.per_s:.1f}/s,"
        f" {found.of_closed:.2f} of the closed loop's",
        f"the client was held up    {found.client_late_s:.2f} s at the longest",
    ]


def main() -> int:
    """Measure, print and write; 1 if nothing was answered."""
    parser = argparse.ArgumentParser("python -m benchmarks.rush", description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--api-key", default="none")
    parser.add_argument("--model", default="caption-demo")
    parser.add_argument("--requests", type=int, default=1500, help=f"at once, to {MAX_REQUESTS}")
    parser.add_argument("--max-retries", type=int, default=2, help="of the official client")
    parser.add_argument("--closed-s", type=float, default=20.0, help="closed loop before; 0: none")
    parser.add_argument("--output", type=Path, metavar="FILE", help="JSON")
    options = parser.parse_args()
    if not 1 <= options.requests <= MAX_REQUESTS:
        parser.error(f"--requests must be 1 to {MAX_REQUESTS}")
    check_endpoint(Endpoint(options.url, None), allow_remote=False)
    found = measure(options)
    print("\n".join(lines(found)))
    if options.output is not None:
        value: dict[str, Any] = {
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "max_retries": options.max_retries,
            "figures": {**asdict(found), "of_closed": found.of_closed},
            "environment": asdict(describe()),
        }
        options.output.write_text(json.dumps(value, indent=1) + "\n")
    return 0 if found.answered else 1


if __name__ == "__main__":
    sys.exit(main())
