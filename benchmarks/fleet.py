"""The client processes: started once, then round after round of one scenario.

They are spawned, not forked. So a program that uses this needs the usual
`if __name__ == "__main__":`.
"""

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from typing import Any, Self

from benchmarks.load.sample import Sample
from benchmarks.load.worker import Effort, Endpoint, Order, Progress, Report, work
from benchmarks.scenario import Closed, Scenario
from benchmarks.workload.plan import draw_plan

START_TIMEOUT_S = 300.0
"""Limit for starting a process and painting its pictures."""
START_DELAY_S = 0.2
"""The start lies so far ahead that all processes learn of it in time."""
STOP_TIMEOUT_S = 5.0

OnProgress = Callable[[float, list[Progress]], None]
"""Called periodically with the round's time in seconds and each process's progress."""


class ClientFailed(Exception):
    """A client process ended or hung; its own output says why."""


@dataclass(frozen=True)
class Round:
    """Results of one round of load: samples by the time they were due.

    `distinct_pictures` is the number of different pictures divided by that of pictures sent.
    `ended_early`: `max_requests` ended the load before its time.
    """

    scenario: Scenario
    samples: list[Sample]
    efforts: list[Effort]
    distinct_pictures: float | None = None
    ended_early: bool = False


class Fleet:
    """A context: enters with all processes running, leaves with none."""

    def __init__(self, endpoint: Endpoint, scenario: Scenario) -> None:
        self._scenario = scenario
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Pipe] = []
        self._processes: list[Any] = []
        for _ in range(scenario.processes):
            ours, theirs = context.Pipe()
            process = context.Process(target=work, args=(theirs, endpoint, scenario), daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(STOP_TIMEOUT_S)
            if process.is_alive():
                process.kill()
                process.join()

    def round(
        self,
        number: int,
        scenario: Scenario | None = None,
        on_progress: OnProgress | None = None,
        on_prepared: Callable[[], object] = lambda: None,
    ) -> Round:
        """Run one round; `scenario` may change the load, but not the requests.

        `on_prepared` is called when all requests are painted, shortly before the first is sent.

        Raises:
            ClientFailed: A process ended or hung.
        """
        scenario = scenario or self._scenario
        plan = draw_plan(scenario, number)
        workers = len(self._pipes)
        for worker, pipe in enumerate(self._pipes):
            callers = 0
            if isinstance(scenario.load, Closed):
                callers = _part(scenario.load.concurrency, worker, workers)
            share = max(1, _part(scenario.max_in_flight, worker, workers))
            self._send(
                pipe, Order(plan.part(worker, workers), scenario, callers, max(share, callers))
            )
        for pipe in self._pipes:
            self._receive(pipe, START_TIMEOUT_S)
        on_prepared()
        start_s = time.monotonic() + START_DELAY_S
        for pipe in self._pipes:
            self._send(pipe, start_s)
        reports = self._collect(scenario, start_s, on_progress)
        samples = [sample for report in reports for sample in report.samples]
        samples.sort(key=lambda sample: sample.scheduled_s)
        distinct = plan.distinct_pictures([sample.index for sample in samples])
        used_up = plan.due_s is None and len(samples) == len(plan)
        efforts = [report.effort for report in reports]
        return Round(scenario, samples, efforts, distinct, plan.cut or used_up)

    def _collect(
        self, scenario: Scenario, start_s: float, on_progress: OnProgress | None
    ) -> list[Report]:
        reports: dict[Pipe, Report] = {}
        progress: dict[Pipe, Progress] = {}
        length_s = scenario.warmup_s + scenario.duration_s + scenario.timeout_s
        deadline_s = start_s + length_s + 30.0  # every request times out before
        while len(reports) < len(self._pipes):
            left = [pipe for pipe in self._pipes if pipe not in reports]
            ready = wait(left, max(0.0, deadline_s - time.monotonic()))
            if not ready:
                raise ClientFailed("a client process did not finish in time")
            for pipe in left:
                if pipe not in ready:
                    continue
                message = self._receive(pipe, 1.0)
                if isinstance(message, Report):
                    reports[pipe] = message
                else:
                    progress[pipe] = message
            if on_progress is not None and len(progress) == len(self._pipes):
                on_progress(time.monotonic() - start_s, list(progress.values()))
        return [reports[pipe] for pipe in self._pipes]

    def _send(self, pipe: Pipe, value: Any) -> None:
        try:
            pipe.send(value)
        except OSError as error:
            raise ClientFailed("a client process ended") from error

    def _receive(self, pipe: Pipe, timeout_s: float) -> Any:
        try:
            if pipe.poll(timeout_s):
                return pipe.recv()
        except (EOFError, OSError) as error:
            raise ClientFailed("a client process ended") from error
        raise ClientFailed("a client process hangs")


def _part(whole: int, worker: int, workers: int) -> int:
    """Return this worker's part of a number, such that all parts add up to it."""
    return whole // workers + (worker < whole % workers)
