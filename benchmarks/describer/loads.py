"""Closed and open loops over a `Way`: pictures a second, and latency from the due time."""

import asyncio
import itertools
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import quantiles
from typing import Any

from benchmarks.describer.ways import Way
from caption_studio.records import Pixels


@dataclass
class Measured:
    """One load on one way. Samples are (due, done), in seconds since the load began."""

    way: str
    load: str
    samples: list[tuple[float, float]] = field(default_factory=list)

    @property
    def per_s(self) -> float:
        """Pictures a second, from the first one due to the last one done."""
        return len(self.samples) / max(done for _, done in self.samples)

    def percentile_ms(self, percent: int) -> float:
        """Return a percentile of the latency."""
        latencies = [done - due for due, done in self.samples]
        return 1e3 * quantiles([*latencies, *latencies], n=100, method="inclusive")[percent - 1]

    def figures(self) -> dict[str, Any]:
        """Return the figures for the report."""
        return {
            "way": self.way,
            "load": self.load,
            "pictures": len(self.samples),
            "pictures_per_s": self.per_s,
            "p50_ms": self.percentile_ms(50),
            "p95_ms": self.percentile_ms(95),
        }

    def raw(self) -> dict[str, Any]:
        """Return everything."""
        return asdict(self)


async def closed(way: Way, pictures: Sequence[Pixels], in_flight: int, count: int) -> Measured:
    """Keep `in_flight` pictures in flight until `count` are described."""
    measured = Measured("", f"{in_flight} in flight")
    numbers = iter(range(count))
    started_s = time.monotonic()

    async def caller() -> None:
        for number in numbers:
            due_s = time.monotonic() - started_s
            await way.describe(pictures[number % len(pictures)])
            measured.samples.append((due_s, time.monotonic() - started_s))

    await asyncio.gather(*(caller() for _ in range(in_flight)))
    return measured


async def poisson(way: Way, pictures: Sequence[Pixels], rate_per_s: float, count: int) -> Measured:
    """Send `count` pictures in an open loop at random times, the same in each run."""
    measured = Measured("", f"Poisson, {rate_per_s:.1f}/s")
    dice = random.Random(0)
    dues_s = itertools.accumulate(dice.expovariate(rate_per_s) for _ in range(count))
    started_s = time.monotonic()

    async def one(due_s: float, pixels: Pixels) -> None:
        await asyncio.sleep(started_s + due_s - time.monotonic())
        await way.describe(pixels)
        measured.samples.append((due_s, time.monotonic() - started_s))

    async with asyncio.TaskGroup() as group:
        for number, due_s in enumerate(dues_s):
            group.create_task(one(due_s, pictures[number % len(pictures)]))
    return measured
