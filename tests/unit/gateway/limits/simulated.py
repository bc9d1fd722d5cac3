"""Gateways, their ledger and callers in simulated time."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from caption_studio.gateway.limits.leases import Leases
from caption_studio.gateway.limits.ledger import Ledger
from caption_studio.gateway.limits.messages import Account, Kind, Report, Statement

STEP_S = 0.01
BUSY_REPORT_S, REPORT_S = 0.1, 0.5


class Clock:
    """Seconds; `skew` makes another one of it, that begins elsewhere."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s

    def skewed(self, by_s: float) -> Callable[[], float]:
        return lambda: self.now_s + by_s


@dataclass
class Simulated:
    """One gateway: its leases, and the report that is on its way."""

    name: str
    leases: Leases
    clock: Callable[[], float]
    report_at_s: float = 0.0
    under_way: tuple[float, float, Statement] | None = None  # arrives, was sent, what
    is_cut_off: bool = False


@dataclass
class Cluster:
    """So many gateways. `latency_s` passes before a statement arrives."""

    gateways: int
    latency_s: float = 0.005
    seed: int = 0
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.ledger = Ledger(self.clock)
        self.alive: list[Simulated] = []
        for _ in range(self.gateways):
            self.join()
        self.run(2.0)

    def join(self) -> Simulated:
        """Add a gateway, whose clock shows another time."""
        own = self.clock.skewed(self.chance.uniform(-1e5, 1e5))
        gateway = Simulated(f"gateway-{self.chance.random()}", Leases(own), own)
        self.alive.append(gateway)
        return gateway

    def run(self, seconds: float) -> None:
        """Let time pass."""
        for _ in self.steps(seconds):
            pass

    def steps(self, seconds: float) -> Iterator[float]:
        """Let time pass, step by step."""
        until_s = self.clock.now_s + seconds
        while self.clock.now_s < until_s:
            self.clock.now_s += STEP_S
            for gateway in self.alive:
                self._talk(gateway)
            yield self.clock.now_s

    def _talk(self, gateway: Simulated) -> None:
        now_s = self.clock.now_s
        if gateway.under_way is not None and gateway.under_way[0] <= now_s:
            _, sent_at_s, statement = gateway.under_way
            gateway.under_way = None
            gateway.leases.apply(statement, sent_at_s)
            gateway.report_at_s = now_s + BUSY_REPORT_S
        due_s = gateway.report_at_s + (0 if gateway.leases.are_to_report else REPORT_S)
        if gateway.under_way is None and now_s >= due_s and not gateway.is_cut_off:
            report = Report(gateway.name, gateway.leases.lines())
            statement = self.ledger.exchange(report)
            gateway.under_way = now_s + self.latency_s, gateway.clock(), statement


def ask(gateway: Simulated, limit: int, kind: Kind = "requests", key: bytes = b"k") -> bool:
    """Ask for one request; a request settles at once."""
    account = Account(key, kind)
    admitted = gateway.leases.reserve(account, limit, 1).admitted
    if admitted:
        gateway.leases.settle(account, limit, reserved=1, spent=1)
    return admitted


def most_in_a_minute(at_s: list[float]) -> int:
    """Return the most that lie within any 60 seconds."""
    most = first = 0
    for last, time_s in enumerate(at_s):
        while at_s[first] <= time_s - 60:
            first += 1
        most = max(most, last - first + 1)
    return most
