"""What is simulated, and what comes of it: stages, gateways, the outcome of a run."""

from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.autoscaling.cost import DEADLINE_S
from benchmarks.autoscaling.reports import DESCRIBER, GATEWAY, View
from benchmarks.autoscaling.traces import Trace

TICK_S = 1.0
"""Interval between decisions. Serve decides ten times a second, on reports that are seconds old."""

Policy = Callable[[View], dict[str, int]]


@dataclass(frozen=True)
class StageSpec:
    """A stage's replicas: `rates[n]` is the requests/s with n in flight in one."""

    rates: tuple[float, ...]
    start_s: float
    min_replicas: int = 1
    max_replicas: int = 20
    max_ongoing: int = 10**6


@dataclass(frozen=True)
class GatewaySpec:
    """A gateway: CPUs, CPU time of a picture and of a text, and the requests it lets in."""

    cpus: int = 2
    picture_s: float = 0.08
    text_s: float = 0.032
    max_in_flight: int = 64
    start_s: float = 8.0
    min_replicas: int = 2
    max_replicas: int = 20


@dataclass(frozen=True)
class System:
    """The whole service."""

    describer: StageSpec
    captioner: StageSpec
    gateway: GatewaySpec = field(default_factory=GatewaySpec)

    def of(self, name: str) -> StageSpec | GatewaySpec:
        """Return what a deployment is like."""
        if name == GATEWAY:
            return self.gateway
        return self.describer if name == DESCRIBER else self.captioner


@dataclass
class Outcome:
    """`ended_s[i]` is when request i was answered, None if refused or dropped."""

    trace: Trace
    ended_s: list[float | None]
    held: dict[str, list[int]]
    """By deployment, for each second: replicas paid for, starting ones too."""
    targets: dict[str, list[int]]
    refused: int = 0
    waits_s: list[tuple[float, float]] = field(default_factory=list)
    """Of each caption, when it came and how long the captioner took for it, waiting included."""

    @property
    def missed(self) -> int:
        """Return the number of requests that missed the deadline."""
        pairs = zip(self.trace.times_s, self.ended_s, strict=True)
        return sum(end is None or end - start > DEADLINE_S for start, end in pairs)

    def replica_s(self, stage: str) -> float:
        """Return a deployment's replica-seconds."""
        return sum(self.held[stage]) * TICK_S


def latencies_s(outcome: Outcome) -> list[float]:
    """Return the latencies of the answered requests, ascending."""
    pairs = zip(outcome.trace.times_s, outcome.ended_s, strict=True)
    return sorted(end - start for start, end in pairs if end is not None)
