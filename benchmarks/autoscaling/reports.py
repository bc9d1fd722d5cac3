"""What gateways and replicas count, and what of it the controller knows when.

As in Serve 2.60: each gateway reports every two seconds what it has in progress at each stage,
sampled over five seconds; each replica its counters. A report that is ten seconds old is dropped,
and with it what it said: without any report a load looks like none.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

import numpy as np

from benchmarks.autoscaling.traces import Faults

GATEWAY, DESCRIBER, CAPTIONER = "gateway", "describer", "captioner"
STAGES = (GATEWAY, DESCRIBER, CAPTIONER)

LATELY_S = 10.0
"""Waits that ended longer ago are not in a gateway's percentile."""

REPORT_S, LOOK_BACK_S, DROPPED_S = 2.0, 5.0, 10.0
"""As in deploy/cluster.yaml, and Serve's own time until a report counts no more."""


@dataclass(eq=False, slots=True)
class Gateway:
    """One gateway's work and counters."""

    places: int = 10**6
    waiting: deque[int] = field(default_factory=deque)
    busy: int = 0
    in_flight: int = 0
    arrived: int = 0
    refused: int = 0
    read: int = 0
    cpu_s: float = 0.0
    asked: dict[str, int] = field(default_factory=lambda: {DESCRIBER: 0, CAPTIONER: 0})
    ongoing: dict[str, int] = field(default_factory=lambda: {DESCRIBER: 0, CAPTIONER: 0})
    waits: dict[str, deque[tuple[float, float]]] = field(
        default_factory=lambda: {DESCRIBER: deque(), CAPTIONER: deque()}
    )
    """By stage, the end of each call's wait and how long it was, in seconds."""

    def wait_p95_s(self, name: str, now_s: float) -> float:
        """Return the 95th percentile of a stage's latest waits; 0 without any."""
        ended = self.waits[name]
        while ended and ended[0][0] < now_s - LATELY_S:
            ended.popleft()
        return float(np.quantile([wait_s for _, wait_s in ended], 0.95)) if ended else 0.0

    def sample(self, now_s: float) -> dict[str, float]:
        """Return the present values by name."""
        return {
            **{f"p95 {name}": self.wait_p95_s(name, now_s) for name in self.waits},
            "in_flight": self.in_flight,
            "places": self.places,
            "full": float(self.in_flight >= self.places),
            "pending": len(self.waiting) + self.busy,
            "arrived": self.arrived,
            "refused": self.refused,
            "read": self.read,
            "cpu_s": self.cpu_s,
            **{f"asked {name}": count for name, count in self.asked.items()},
            **{f"ongoing {name}": count for name, count in self.ongoing.items()},
        }


@dataclass(frozen=True, slots=True)
class StageView:
    """What the controller knows of one deployment. Rates are over the last five seconds.

    `heard` is the share of the gateways whose reports are there; the sums are of those alone.
    `answers_heard` is the same of the replicas that report `finished_per_s`. `cpus` is the CPUs in
    use at all gateways that are heard.
    """

    ongoing: float
    asked_per_s: float
    finished_per_s: float
    refused_per_s: float
    cpus: float
    heard: float
    answers_heard: float
    running: int
    target: int
    wait_p95_s: float = 0.0
    """95th percentile of the last waits, in the mean of the gateways that had any; 0 if none."""


@dataclass(frozen=True, slots=True)
class RoomView:
    """What the gateways that are heard have in use: requests, and pictures not yet decoded.

    `places` is how many requests one of them can hold, `full_share` how many of them have none
    left.
    """

    in_flight: float = 0.0
    pending: float = 0.0
    places: float = 0.0
    full_share: float = 0.0


@dataclass(frozen=True, slots=True)
class View:
    """All that the controller knows at a time."""

    now_s: float
    stages: dict[str, StageView]
    room: RoomView = field(default_factory=RoomView)


Sample = tuple[float, dict[str, float]]


@dataclass(eq=False)
class _Source:
    """One process that reports: its latest samples, and what the controller has of them."""

    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=int(LOOK_BACK_S) + 1))
    known: tuple[Sample, ...] = ()
    known_since_s: float = 0.0

    def mean(self, name: str) -> float:
        return sum(sample[name] for _, sample in self.known) / len(self.known)

    def per_s(self, name: str) -> float:
        (first_s, first), (last_s, last) = self.known[0], self.known[-1]
        return (last[name] - first[name]) / (last_s - first_s) if last_s > first_s else 0.0


class Reports:
    """The reports on their way, and the controller's memory of them."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._sources: dict[tuple[str, int], _Source] = {}
        self._on_the_way: deque[tuple[float, tuple[str, int], tuple[Sample, ...]]] = deque()

    def send(
        self,
        now_s: float,
        gateways: Sequence[Gateway],
        finished: Mapping[str, Mapping[int, int]],
    ) -> None:
        """Take each process's sample; every `REPORT_S`, send its last ones."""
        there: dict[tuple[str, int], dict[str, float]] = {
            (GATEWAY, id(gateway)): gateway.sample(now_s) for gateway in gateways
        }
        for name, replicas in finished.items():
            there |= {(name, key): {"finished": count} for key, count in replicas.items()}
        self._sources = {key: self._sources.get(key, _Source()) for key in there}
        for number, (key, sample) in enumerate(there.items()):
            source = self._sources[key]
            source.samples.append((now_s, sample))
            if now_s % REPORT_S == 0 and not self._lost(now_s, key[0], number):
                arrives_s = now_s + self._faults.late_s
                self._on_the_way.append((arrives_s, key, tuple(source.samples)))
        while self._on_the_way and self._on_the_way[0][0] <= now_s:
            _, key, samples = self._on_the_way.popleft()
            if (source_ := self._sources.get(key)) is not None:
                source_.known, source_.known_since_s = samples, now_s

    def _lost(self, now_s: float, kind: str, number: int) -> bool:
        if self._faults.lost is None or kind != self._faults.lost_of:
            return False
        from_s, to_s, share = self._faults.lost
        return from_s <= now_s < to_s and _every(number, share)

    def view(self, now_s: float, running: Mapping[str, int], targets: Mapping[str, int]) -> View:
        """Return what the controller knows now."""
        heard: dict[str, list[_Source]] = {name: [] for name in STAGES}
        for (kind, _), source in self._sources.items():
            if source.known and now_s - source.known_since_s < DROPPED_S:
                heard[kind].append(source)
        gateways = heard[GATEWAY]
        share = len(gateways) / max(1, running[GATEWAY])
        refused = sum(source.per_s("refused") for source in gateways)
        stages = {}
        for name in STAGES:
            at_gateway = name == GATEWAY
            asked = "arrived" if at_gateway else f"asked {name}"
            ongoing = "in_flight" if at_gateway else f"ongoing {name}"
            finished = "read" if at_gateway else "finished"
            stages[name] = StageView(
                ongoing=sum(source.mean(ongoing) for source in gateways),
                asked_per_s=sum(source.per_s(asked) for source in gateways),
                finished_per_s=sum(source.per_s(finished) for source in heard[name]),
                refused_per_s=refused,
                cpus=sum(source.per_s("cpu_s") for source in gateways),
                heard=min(1.0, share),
                answers_heard=min(1.0, len(heard[name]) / max(1, running[name])),
                running=running[name],
                target=targets[name],
                wait_p95_s=0.0 if at_gateway else _mean_wait_s(gateways, name),
            )
        count = max(1, len(gateways))
        room = RoomView(
            in_flight=sum(source.mean("in_flight") for source in gateways),
            pending=sum(source.mean("pending") for source in gateways),
            places=sum(source.mean("places") for source in gateways) / count,
            full_share=sum(source.mean("full") for source in gateways) / count,
        )
        return View(now_s, stages, room)


def _mean_wait_s(gateways: Sequence[_Source], name: str) -> float:
    last = [source.known[-1][1][f"p95 {name}"] for source in gateways]
    return fmean(waits) if (waits := [wait_s for wait_s in last if wait_s]) else 0.0


def _every(number: int, share: float) -> bool:
    """Whether the gateway of a number is among this share of them, spread evenly."""
    return int((number + 1) * share) > int(number * share)
