"""Arrival times and service times → each request's latency and the replicas' cost.

A discrete-event model of the pipeline under `scaling.policy`, the code that production runs.
Deterministic: the same arguments give the same outcome. A request goes through a gateway (a delay),
a describer (which batches waiting requests) and a captioner (slower the more requests are in
flight, as in continuous batching).
"""

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from caption_studio.scaling.policy import (
    CAPTIONER,
    DESCRIBER,
    NO_WISH,
    Decision,
    Load,
    Wish,
    decide,
)
from caption_studio.settings import ScalingSettings

TICK_S = 1.0
"""Interval between decisions. Serve decides ten times a second, on reports that are seconds old."""

STAGES = (DESCRIBER, CAPTIONER)


@dataclass(frozen=True)
class StageModel:
    """One stage's engine: n requests together take `base_s + each_s * n`.

    With `max_batch` set, the n are one batch and a replica runs one batch at a time. Without it, a
    replica runs at most `slots` requests, and n is the number in flight when a request starts.
    `start_s` is the cold start, from the decision to the first request: node, image, weights.
    """

    base_s: float
    each_s: float
    start_s: float
    min_replicas: int
    max_replicas: int
    max_batch: int | None = None
    slots: int = 1


@dataclass(frozen=True)
class Model:
    """The system: its stages, the gateway's delay, and how the policy sees the load."""

    describer: StageModel
    captioner: StageModel
    scaling: ScalingSettings
    gateway_s: float = 0.0
    look_back_s: float = 15.0
    report_s: float = 10.0

    def stage(self, name: str) -> StageModel:
        """Return the model of a deployment."""
        return self.describer if name == DESCRIBER else self.captioner


@dataclass
class Outcome:
    """`ended_s[i]` is when request i ended; `ticks` holds the state at each decision."""

    arrived_s: list[float]
    ended_s: list[float | None]
    ticks: list[dict[str, tuple[float, int, int]]] = field(default_factory=list)
    """By stage: ongoing requests, running replicas, replicas paid for (starting ones too)."""

    def latencies_s(self, from_s: float = 0.0, to_s: float = float("inf")) -> list[float]:
        """Return the E2E latencies of the requests that arrived within a time, ascending."""
        pairs = zip(self.arrived_s, self.ended_s, strict=True)
        return sorted(e - a for a, e in pairs if e is not None and from_s <= a < to_s)

    def replica_hours(self, stage: str) -> float:
        """Return the cost of a stage in replica hours."""
        return sum(tick[stage][2] for tick in self.ticks) * TICK_S / 3600


def quantile(ascending: Sequence[float], share: float) -> float:
    """Return the value below which `share` of them lies."""
    return ascending[min(len(ascending) - 1, int(share * len(ascending)))]


class _Replica:
    def __init__(self) -> None:
        self.in_flight: set[int] = set()
        self.draining = False


class _Stage:
    """The queue before a stage and its replicas; `at` schedules, `done` takes finished requests."""

    def __init__(
        self, model: StageModel, at: Callable[[float, Callable[[], None]], None], replicas: int
    ) -> None:
        self._model, self._at = model, at
        self.queue: deque[int] = deque()
        self.running = [_Replica() for _ in range(replicas)]
        self.starting = 0
        self._unwanted = 0
        self.target = replicas
        self.ongoing_history: deque[tuple[float, int]] = deque()
        self.done: Callable[[float, int], None] = lambda *_: None

    @property
    def ongoing(self) -> int:
        return len(self.queue) + sum(len(replica.in_flight) for replica in self.running)

    @property
    def serving(self) -> int:
        return sum(not replica.draining for replica in self.running)

    def put(self, now_s: float, request: int) -> None:
        self.queue.append(request)
        self.work(now_s)

    def work(self, now_s: float) -> None:
        """Give waiting requests to the replicas with the most room."""
        while self.queue:
            free = [r for r in self.running if not r.draining and self._room(r)]
            if not free:
                return
            replica = min(free, key=lambda r: len(r.in_flight))
            count = min(len(self.queue), self._model.max_batch or 1)
            taken = [self.queue.popleft() for _ in range(count)]
            replica.in_flight.update(taken)
            together = count if self._model.max_batch else len(replica.in_flight)
            end_s = now_s + self._model.base_s + self._model.each_s * together
            self._at(end_s, lambda r=replica, t=taken, e=end_s: self._finish(e, r, t))  # type: ignore[misc]

    def _room(self, replica: _Replica) -> bool:
        if self._model.max_batch:
            return not replica.in_flight
        return len(replica.in_flight) < self._model.slots

    def _finish(self, now_s: float, replica: _Replica, requests: Sequence[int]) -> None:
        replica.in_flight.difference_update(requests)
        self._bury()
        for request in requests:
            self.done(now_s, request)
        self.work(now_s)

    def scale(self, now_s: float, target: int) -> None:
        """Start or drain replicas; those still starting are given up first."""
        self.target = target
        missing = target - self.serving - (self.starting - self._unwanted)
        for _ in range(missing):
            if self._unwanted:
                self._unwanted -= 1
                continue
            self.starting += 1
            up_s = now_s + self._model.start_s
            self._at(up_s, lambda u=up_s: self._up(u))  # type: ignore[misc]
        surplus = max(0, -missing)
        given_up = min(surplus, self.starting - self._unwanted)
        self._unwanted += given_up
        serving = [r for r in self.running if not r.draining]
        idlest = sorted(serving, key=lambda r: len(r.in_flight))
        for replica in idlest[: surplus - given_up]:
            replica.draining = True
        self._bury()

    def _up(self, now_s: float) -> None:
        self.starting -= 1
        if self._unwanted:
            self._unwanted -= 1
            return
        self.running.append(_Replica())
        self.work(now_s)

    def _bury(self) -> None:
        self.running = [r for r in self.running if r.in_flight or not r.draining]


def simulate(
    model: Model, arrivals_s: Sequence[float], until_s: float, replicas: dict[str, int]
) -> Outcome:
    """Run the arrivals (ascending) through the system; it starts with `replicas`.

    Decisions are made until `until_s`; requests still in the system are then finished.
    """
    events: list[tuple[float, int, Callable[[], None]]] = []
    order = itertools.count()

    def at(time_s: float, event: Callable[[], None]) -> None:
        heapq.heappush(events, (time_s, next(order), event))

    outcome = Outcome(list(arrivals_s), [None] * len(arrivals_s))
    stages = {name: _Stage(model.stage(name), at, replicas[name]) for name in STAGES}

    def end(now_s: float, request: int) -> None:
        if outcome.ended_s[request] is not None:
            raise AssertionError(f"request {request} ended twice")
        outcome.ended_s[request] = now_s

    stages[DESCRIBER].done = stages[CAPTIONER].put
    stages[CAPTIONER].done = end
    for request, time_s in enumerate(arrivals_s):
        enter_s = time_s + model.gateway_s
        at(enter_s, lambda e=enter_s, r=request: stages[DESCRIBER].put(e, r))  # type: ignore[misc]
    controller = _Controller(model, stages, outcome)
    for tick in range(int(until_s / TICK_S)):
        at(tick * TICK_S, lambda t=tick * TICK_S: controller.tick(t))  # type: ignore[misc]
    while events:
        _, _, event = heapq.heappop(events)
        event()
    return outcome


class _Controller:
    """Serve's controller: old, averaged loads in, replicas out."""

    def __init__(self, model: Model, stages: dict[str, _Stage], outcome: Outcome) -> None:
        self._model, self._stages, self._outcome = model, stages, outcome
        self._wishes: dict[str, Wish] = dict.fromkeys(stages, NO_WISH)

    def tick(self, now_s: float) -> None:
        loads = {name: self._load(name, now_s) for name in self._stages}
        decisions = decide(loads, self._wishes, self._model.scaling, now_s)
        for name, stage in self._stages.items():
            decision = decisions[name]
            if stage.serving == 0 and stage.ongoing > 0:
                # Serve asks no policy then (deployments.scaling).
                decision = Decision(max(1, stage.target), self._wishes[name])
            self._wishes[name] = decision.wish
            stage.scale(now_s, decision.replicas)
        self._outcome.ticks.append(
            {
                name: (float(s.ongoing), s.serving, len(s.running) + s.starting)
                for name, s in self._stages.items()
            }
        )

    def _load(self, name: str, now_s: float) -> Load:
        stage, model = self._stages[name], self._model.stage(name)
        history = stage.ongoing_history
        history.append((now_s, stage.ongoing))
        while history[0][0] < now_s - self._model.look_back_s - self._model.report_s:
            history.popleft()
        # Reports are sent together: the known load is as old as the last one.
        known_s = now_s if stage.serving == 0 else now_s - now_s % self._model.report_s
        seen = [n for t, n in history if known_s - self._model.look_back_s < t <= known_s]
        ongoing = sum(seen) / len(seen) if seen else None
        return Load(ongoing, stage.target, stage.serving, model.min_replicas, model.max_replicas)
