"""Load and readings side by side, for the length of a plan."""

import asyncio
import time
from collections import Counter
from dataclasses import astuple, dataclass, field

import httpx

from benchmarks.load.loops import open_loop
from benchmarks.soak.parts import Holding, held
from benchmarks.soak.requests import Callers
from benchmarks.soak.service import Soaked
from benchmarks.workload.arrivals import poisson

REQUEST_TIMEOUT_S = 60.0
MAX_IN_FLIGHT = 48
"""A request that is due while this many are in flight is not sent, but counted."""

MAX_EXAMPLES = 20


@dataclass(frozen=True)
class Plan:
    """Durations in seconds, the load in requests a second, and seconds between readings."""

    warm_up_s: float
    measured_s: float
    per_s: float
    seed: int = 1
    read_s: float = 5.0


@dataclass(frozen=True)
class Reading:
    """The resources that each part held, `at_s` seconds after the load's start."""

    at_s: float
    parts: dict[str, Holding]


@dataclass
class Soak:
    """All results. `wrong` counts wrong answers by kind; `examples` has the first few."""

    readings: list[Reading] = field(default_factory=list)
    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    not_sent: int = 0

    def note(self, kind: str, came: str) -> None:
        """Count one answer."""
        if came == "right":
            self.right[kind] += 1
            return
        self.wrong[kind] += 1
        if len(self.examples) < MAX_EXAMPLES:
            self.examples.append(f"{kind}: {came}")


async def soak(service: Soaked, pictures: str, plan: Plan) -> Soak:
    """Load the service and read its parts' resources, until the plan's end."""
    found = Soak()
    start_s = time.monotonic()
    limits = httpx.Limits(max_connections=MAX_IN_FLIGHT, max_keepalive_connections=8)
    async with (
        httpx.AsyncClient(base_url=service.url, timeout=REQUEST_TIMEOUT_S, limits=limits) as http,
        asyncio.TaskGroup() as tasks,
    ):
        callers = Callers(http, service.keys, pictures, plan.seed)
        reading = tasks.create_task(_read(service.pid, found, start_s, plan.read_s))
        await _load(callers, found, plan, start_s)
        reading.cancel()
    return found


async def _load(callers: Callers, found: Soak, plan: Plan, start_s: float) -> None:
    in_flight = 0

    async def send(_place: int, _due_s: float) -> None:
        nonlocal in_flight
        if in_flight >= MAX_IN_FLIGHT:
            found.not_sent += 1
            return
        in_flight += 1
        try:
            found.note(*await callers.ask())
        finally:
            in_flight -= 1

    due_s = poisson(plan.per_s, plan.warm_up_s + plan.measured_s, plan.seed)
    await open_loop(send, due_s=due_s.tolist(), now=lambda: time.monotonic() - start_s)


async def _read(pid: int, found: Soak, start_s: float, every_s: float) -> None:
    while True:
        parts = await asyncio.to_thread(held, pid)
        found.readings.append(Reading(time.monotonic() - start_s, parts))
        await asyncio.sleep(every_s)


def as_rows(readings: list[Reading]) -> list[list[float | str]]:
    """Return the readings as rows of a table: seconds, part, and the fields of `Holding`."""
    return [
        [round(reading.at_s, 1), part, *astuple(holding)]
        for reading in readings
        for part, holding in sorted(reading.parts.items())
    ]
