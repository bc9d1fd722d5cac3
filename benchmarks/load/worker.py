"""One client process: a part of a round's plan → its samples, and its CPU use and delays.

The parent (fleet) sends orders over a pipe; times are of `time.monotonic`, which all processes of a
machine share.
"""

import asyncio
import gc
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from urllib.parse import urlsplit

import uvloop

from benchmarks.load.client import Client, clock
from benchmarks.load.loop_lag import probe
from benchmarks.load.loops import closed_loop, open_loop
from benchmarks.load.sample import Sample
from benchmarks.scenario import Scenario
from benchmarks.workload.bodies import Bodies
from benchmarks.workload.plan import Plan

PROGRESS_S = 0.5


@dataclass(frozen=True)
class Endpoint:
    """The target of requests; `url` like http://127.0.0.1:8000, with or without `/v1`.

    `headers` are further header lines of each request, `Name: value`.
    """

    url: str
    api_key: str | None = field(default=None, repr=False)
    headers: tuple[str, ...] = field(default=(), repr=False)

    @property
    def header_lines(self) -> tuple[str, ...]:
        """All header lines, including the one with the key."""
        key = () if self.api_key is None else (f"Authorization: Bearer {self.api_key}",)
        return (*key, *self.headers)


@dataclass(frozen=True)
class Order:
    """One round's work for one worker; `callers` is its share of a closed loop's callers."""

    plan: Plan
    scenario: Scenario
    callers: int
    max_in_flight: int


@dataclass(frozen=True)
class Progress:
    """One worker's progress in this round."""

    finished: int
    failed: int
    in_flight: int
    recent_e2e_s: tuple[float, ...]


@dataclass(frozen=True)
class Effort:
    """One worker's CPU use and delays while it sent.

    `cpu_share` is CPU time over wall time: 1.0 is a whole core. `lags_s` are the delays of a timer
    on the event loop. `waited` is the number of requests that found `max_in_flight` others in
    flight.
    """

    wall_s: float
    cpu_share: float
    lags_s: tuple[float, ...]
    waited: int


@dataclass(frozen=True)
class Report:
    """One worker's results of a round."""

    samples: list[Sample]
    effort: Effort


def work(pipe: Pipe, endpoint: Endpoint, scenario: Scenario) -> None:
    """Serve orders until the pipe ends: `Order` in, "ready" out, start time in, `Report` out.

    While a round runs, `Progress` goes out periodically.
    """
    url = urlsplit(endpoint.url)
    bodies = Bodies(
        scenario.requests,
        url,
        headers=endpoint.header_lines,
        seed=scenario.seed,
        per_round=scenario.max_requests,
    )
    while True:
        try:
            order: Order = pipe.recv()
            plan = order.plan
            numbers, kinds = plan.pictures.ravel().tolist(), plan.kinds.ravel().tolist()
            bodies.prepare(dict(zip(numbers, kinds, strict=True)))
            pipe.send("ready")
            start_s: float = pipe.recv()
            gc.collect()
            gc.freeze()  # keep the garbage collector from traversing the prepared bodies
            pipe.send(uvloop.run(_Round(pipe, endpoint, bodies, order, start_s).run()))
        except (EOFError, BrokenPipeError, KeyboardInterrupt):
            return


class _Round:
    """Sends one order's requests."""

    def __init__(
        self, pipe: Pipe, endpoint: Endpoint, bodies: Bodies, order: Order, start_s: float
    ) -> None:
        self._pipe, self._bodies, self._order = pipe, bodies, order
        self._url, self._start_s = urlsplit(endpoint.url), start_s
        self._now = clock(start_s)
        self._samples: list[Sample] = []
        self._lags_s: list[float] = []

    async def run(self) -> Report:
        """Wait for the start, send all requests, return the report."""
        order = self._order
        client = Client(
            self._url,
            now=self._now,
            timeout_s=order.scenario.timeout_s,
            max_in_flight=order.max_in_flight,
        )
        self._client = client
        await asyncio.sleep(max(0.0, -self._now()))
        cpu_s, wall_s = time.process_time(), time.monotonic()
        watchers = [asyncio.ensure_future(one) for one in (self._tell(), probe(self._lags_s))]
        try:
            await self._send_all()
        finally:
            for watcher in watchers:
                watcher.cancel()
            client.close()
        wall_s = time.monotonic() - wall_s
        cpu_share = (time.process_time() - cpu_s) / wall_s
        effort = Effort(wall_s, cpu_share, tuple(self._lags_s), client.waited)
        return Report(self._samples, effort)

    async def _send_all(self) -> None:
        plan, scenario = self._order.plan, self._order.scenario
        if plan.due_s is None:
            await closed_loop(
                self._send,
                places=len(plan),
                callers=self._order.callers,
                now=self._now,
                until_s=scenario.warmup_s + scenario.duration_s,
            )
        else:
            await open_loop(self._send, due_s=plan.due_s.tolist(), now=self._now)

    async def _send(self, place: int, due_s: float) -> None:
        plan = self._order.plan
        index, model = int(plan.index[place]), int(plan.model[place])
        streamed = bool(plan.streamed[place])
        name = self._order.scenario.requests.models[model].name or ""
        sample = Sample(index, due_s, name, streamed)
        pictures = plan.pictures[place].tolist()
        await self._client.send(
            lambda: self._bodies.request(
                index=index, model=model, streamed=streamed, pictures=pictures
            ),
            sample,
        )
        self._samples.append(sample)

    async def _tell(self) -> None:
        told = 0
        failed = 0
        while True:
            await asyncio.sleep(PROGRESS_S)
            new = self._samples[told:]
            told += len(new)
            failed += sum(not sample.ok for sample in new)
            recent = tuple(sample.e2e_s for sample in new[-200:] if sample.ok)
            self._pipe.send(Progress(told, failed, self._client.in_flight, recent))
