"""A trace and a policy → each request's end, and the replicas held.

A discrete-event model of the service on a cluster. A request goes through a gateway (a queue for a
few CPUs, or a refusal), a describer if it has a picture, and a captioner (`replica`). A stage's
router sends to the replica with the fewest requests; at `max_ongoing` each, requests wait before
it. Each second the policy is asked, with what reports have told by then (`reports`). What a policy
wants starts after `start_s`; a dead replica is noticed, and replaced, as Serve does it.
"""

import heapq
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter

from benchmarks.autoscaling.replica import Replica
from benchmarks.autoscaling.reports import (
    CAPTIONER,
    DESCRIBER,
    GATEWAY,
    STAGES,
    Gateway,
    Reports,
)
from benchmarks.autoscaling.service import TICK_S, Outcome, Policy, StageSpec, System
from benchmarks.autoscaling.traces import Trace

NOTICED_S = 5.0
"""From a replica's death until its replacement starts: Serve's health checks."""
GIVE_UP_S = 60.0
"""A request that has waited so long before a stage is dropped (`request_timeout_s`)."""

ONGOING = attrgetter("ongoing")


@dataclass(eq=False)
class _Stage:
    spec: StageSpec
    queue: deque[int] = field(default_factory=deque)
    replicas: list[Replica] = field(default_factory=list)
    starting: int = 0
    unwanted: int = 0
    missing: int = 0
    """Dead replicas that nobody has noticed yet: they count as there."""
    target: int = 0

    @property
    def serving(self) -> list[Replica]:
        return [replica for replica in self.replicas if not replica.draining]


class Simulation:
    """One run; `run` is called once."""

    def __init__(self, system: System, trace: Trace, policy: Policy, start: dict[str, int]) -> None:
        self._system, self._trace, self._policy = system, trace, policy
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = itertools.count()
        self._stages = {DESCRIBER: _Stage(system.describer), CAPTIONER: _Stage(system.captioner)}
        for name, stage in self._stages.items():
            stage.target = start[name]
            stage.replicas = [Replica(stage.spec.rates) for _ in range(start[name])]
        self._gateways = [self._gateway() for _ in range(start[GATEWAY])]
        self._ending: list[Gateway] = []
        self._gateway_target = start[GATEWAY]
        self._gateways_starting = 0
        self._via: list[Gateway | None] = [None] * len(trace.times_s)
        self._tries = [0] * len(trace.times_s)
        self._asked_s = [0.0] * len(trace.times_s)
        self._reports = Reports(trace.faults)
        empty: dict[str, list[int]] = {name: [] for name in STAGES}
        self._outcome = Outcome(
            trace, [None] * len(trace.times_s), empty, {name: [] for name in STAGES}
        )
        self._turn = itertools.count()

    def _gateway(self) -> Gateway:
        return Gateway(self._system.gateway.max_in_flight)

    def run(self) -> Outcome:
        """Run the whole trace, then until its last request has ended."""
        ticks = int(self._trace.until_s / TICK_S)
        for number in range(ticks):
            self._at(number * TICK_S, self._tick)
        for at_s, stage in self._trace.faults.killed:
            self._at(at_s, lambda now_s, name=stage: self._kill(now_s, name))  # type: ignore[misc]
        self._next_arrival(0)
        while self._events:
            now_s, _, event = heapq.heappop(self._events)
            event(now_s)
        return self._outcome

    def _at(self, time_s: float, event: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (time_s, next(self._order), event))

    def _next_arrival(self, request: int) -> None:
        if request < len(self._trace.times_s):
            self._at(self._trace.times_s[request], lambda now_s: self._arrive(now_s, request))

    # A request's way: gateway, describer, captioner.

    def _arrive(self, now_s: float, request: int) -> None:
        self._next_arrival(request + 1)
        gateway = self._gateways[next(self._turn) % len(self._gateways)]
        gateway.arrived += 1
        if gateway.in_flight >= gateway.places:
            gateway.refused += 1
            self._outcome.refused += 1
            return
        gateway.in_flight += 1
        self._via[request] = gateway
        gateway.waiting.append(request)
        self._work_at(now_s, gateway)

    def _work_at(self, now_s: float, gateway: Gateway) -> None:
        spec = self._system.gateway
        while gateway.waiting and gateway.busy < spec.cpus:
            request = gateway.waiting.popleft()
            gateway.busy += 1
            took_s = spec.picture_s if self._trace.pictures[request] else spec.text_s
            self._at(
                now_s + took_s,
                lambda now_s, r=request, t=took_s: self._read(now_s, gateway, r, t),  # type: ignore[misc]
            )

    def _read(self, now_s: float, gateway: Gateway, request: int, took_s: float) -> None:
        gateway.busy -= 1
        gateway.cpu_s += took_s
        gateway.read += 1
        self._ask(now_s, DESCRIBER if self._trace.pictures[request] else CAPTIONER, request)
        self._work_at(now_s, gateway)

    def _ask(self, now_s: float, name: str, request: int) -> None:
        gateway = self._via[request]
        assert gateway is not None
        gateway.asked[name] += 1
        gateway.ongoing[name] += 1
        self._asked_s[request] = now_s
        self._stages[name].queue.append(request)
        self._route(now_s, name)

    def _route(self, now_s: float, name: str) -> None:
        stage = self._stages[name]
        while stage.queue:
            serving = stage.serving
            replica = min(serving, key=ONGOING) if serving else None
            if replica is None or replica.ongoing >= stage.spec.max_ongoing:
                return
            request = stage.queue.popleft()
            if now_s - self._trace.times_s[request] > GIVE_UP_S:
                self._leave(name, request)
                continue
            work = self._trace.work[request] if name == CAPTIONER else 1.0
            replica.add(now_s, request, work)
            self._plan(name, replica)

    def _plan(self, name: str, replica: Replica) -> None:
        if (end_s := replica.next_end_s()) is not None:
            planned = replica.changes
            self._at(end_s, lambda now_s: self._ended(now_s, name, replica, planned))

    def _ended(self, now_s: float, name: str, replica: Replica, planned: int) -> None:
        if replica.changes != planned:
            return
        request = replica.end_next(now_s)
        self._plan(name, replica)
        stage = self._stages[name]
        if replica.draining and not replica.ongoing:
            stage.replicas.remove(replica)
        gateway = self._via[request]
        assert gateway is not None
        wait_s = now_s - self._asked_s[request]
        gateway.waits[name].append((now_s, wait_s))
        if name == DESCRIBER:
            gateway.ongoing[name] -= 1
            self._ask(now_s, CAPTIONER, request)
        else:
            self._outcome.waits_s.append((now_s, wait_s))
            self._outcome.ended_s[request] = now_s
            self._leave(name, request)
        if stage.queue:
            self._route(now_s, name)

    def _leave(self, name: str, request: int) -> None:
        gateway = self._via[request]
        assert gateway is not None
        gateway.ongoing[name] -= 1
        gateway.in_flight -= 1
        if gateway in self._ending and not gateway.in_flight:
            self._ending.remove(gateway)

    # Replicas come, go and die.

    def _kill(self, now_s: float, name: str) -> None:
        stage = self._stages[name]
        if not stage.serving:
            return
        dead = max(stage.serving, key=ONGOING)
        dead.changes += 1
        stage.replicas.remove(dead)
        stage.missing += 1
        for request in dead.requests:
            self._tries[request] += 1
            if self._tries[request] > 1:
                self._leave(name, request)
            else:
                stage.queue.appendleft(request)
        self._at(now_s + NOTICED_S, lambda now_s: self._noticed(now_s, name))
        self._route(now_s, name)

    def _noticed(self, now_s: float, name: str) -> None:
        self._stages[name].missing -= 1
        self._scale(now_s, name, self._stages[name].target)

    def _scale(self, now_s: float, name: str, target: int) -> None:
        stage = self._stages[name]
        stage.target = target
        there = len(stage.serving) + stage.missing + stage.starting - stage.unwanted
        for _ in range(target - there):
            if stage.unwanted:
                stage.unwanted -= 1
                continue
            stage.starting += 1
            self._at(now_s + stage.spec.start_s, lambda now_s: self._up(now_s, name))
        surplus = max(0, there - target)
        given_up = min(surplus, stage.starting - stage.unwanted)
        stage.unwanted += given_up
        idlest = sorted(stage.serving, key=ONGOING)
        for replica in idlest[: surplus - given_up]:
            replica.draining = True
            if not replica.ongoing:
                stage.replicas.remove(replica)

    def _up(self, now_s: float, name: str) -> None:
        stage = self._stages[name]
        stage.starting -= 1
        if stage.unwanted:
            stage.unwanted -= 1
            return
        stage.replicas.append(Replica(stage.spec.rates))
        self._route(now_s, name)

    def _scale_gateways(self, now_s: float, target: int) -> None:
        self._gateway_target = target
        missing = target - len(self._gateways) - self._gateways_starting
        for _ in range(missing):
            self._gateways_starting += 1
            self._at(now_s + self._system.gateway.start_s, self._gateway_up)
        for _ in range(min(-missing, len(self._gateways) - 1)):
            ended = min(self._gateways, key=lambda g: g.in_flight)
            self._gateways.remove(ended)
            if ended.in_flight:
                self._ending.append(ended)

    def _gateway_up(self, _: float) -> None:
        self._gateways_starting -= 1
        if len(self._gateways) < self._gateway_target:
            self._gateways.append(self._gateway())

    # The controller.

    def _tick(self, now_s: float) -> None:
        finished = {
            name: {id(r): r.finished for r in stage.serving} for name, stage in self._stages.items()
        }
        self._reports.send(now_s, self._gateways + self._ending, finished)
        running = {name: len(s.serving) + s.missing for name, s in self._stages.items()}
        running[GATEWAY] = len(self._gateways)
        targets = {name: s.target for name, s in self._stages.items()}
        targets[GATEWAY] = self._gateway_target
        view = self._reports.view(now_s, running, targets)
        wanted = self._policy(view)
        for name in STAGES:
            spec = self._system.of(name)
            target = max(spec.min_replicas, min(spec.max_replicas, wanted[name]))
            self._outcome.targets[name].append(target)
            if name == GATEWAY:
                self._scale_gateways(now_s, target)
            else:
                self._scale(now_s, name, target)
        for name, stage in self._stages.items():
            held = len(stage.replicas) + stage.starting + stage.missing
            self._outcome.held[name].append(held)
        held = len(self._gateways) + len(self._ending) + self._gateways_starting
        self._outcome.held[GATEWAY].append(held)


def simulate(system: System, trace: Trace, policy: Policy, start: dict[str, int]) -> Outcome:
    """Run a trace under a policy, from `start` replicas by deployment on."""
    return Simulation(system, trace, policy, start).run()
