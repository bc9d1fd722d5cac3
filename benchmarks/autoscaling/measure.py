"""`python -m benchmarks.autoscaling.measure`: the real engines → results/cluster/curves.json.

Each engine by itself, the embedded models, no server: so many requests are kept in flight, and
answers are counted for a while. Each number in flight has three turns, of which the median counts;
the first round of all, in which the engine compiles, does not. Five minutes on two cores.
"""

import asyncio
import itertools
import json
import os
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from multiprocessing import get_context
from statistics import median
from typing import Any

from benchmarks.autoscaling.curves import MEASURED
from benchmarks.hardware import describe
from benchmarks.peers import engine, loads
from benchmarks.peers.starts import ADAPTER, AS_OURS, FALCON, GIT

IN_FLIGHT = (1, 2, 4, 8, 16, 32, 64)
WARMUP_S, WINDOW_S = 1.0, 4.0
TURNS = 3

One = Callable[[], Awaitable[Any]]


async def per_s(one: One, in_flight: int) -> float:
    """Return the answers/s with so many in flight."""
    begins_s = time.monotonic() + WARMUP_S
    ends_s = begins_s + WINDOW_S
    answers = 0

    async def caller() -> None:
        nonlocal answers
        while time.monotonic() < ends_s:
            await one()
            answers += begins_s <= time.monotonic() < ends_s

    await asyncio.gather(*(caller() for _ in range(in_flight)))
    return answers / WINDOW_S


async def turns(one: One) -> list[list[float]]:
    """Return for each number in flight the answers/s of each turn."""
    rounds = [[await per_s(one, number) for number in IN_FLIGHT] for _ in range(1 + TURNS)]
    return [list(rates) for rates in zip(*rounds[1:], strict=True)]


async def _describer() -> list[list[float]]:
    from benchmarks.peers.alone_describer import BareDescriber

    bare = BareDescriber(GIT, threads=os.cpu_count() or 1)
    pictures = itertools.cycle(bare.pictures)
    try:
        return await turns(lambda: bare.describe(next(pictures)))
    finally:
        bare.stop()


async def _captioner() -> list[list[float]]:
    from benchmarks.peers.alone_captioner import BareEngine, caption_prompts

    prompts = itertools.cycle(await caption_prompts(GIT))
    bare = BareEngine(FALCON, ADAPTER)
    try:
        return await turns(lambda: bare.ask(loads.CAPTIONS_64, next(prompts), 0.0))
    finally:
        bare.stop()


def measured(stage: str) -> list[list[float]]:
    """Return one engine's answers/s for each number in flight, turn by turn."""
    return asyncio.run(_describer() if stage == "describer" else _captioner())


def main() -> None:
    """Measure both engines, each in a process of its own, and write the curves."""
    curves = {}
    for stage, environment in (("describer", {}), ("captioner", AS_OURS)):
        os.environ.update({**engine.ENVIRONMENT, **environment})
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            curves[stage] = process.submit(measured, stage).result()
    result = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "about": "answers/s of one engine by itself, by the number of requests in flight",
        "environment": asdict(describe()),
        "window_s": WINDOW_S,
        "stages": {
            name: {
                "in_flight": list(IN_FLIGHT),
                "per_s": [median(each) for each in rates],
                "turns_per_s": rates,
            }
            for name, rates in curves.items()
        },
    }
    MEASURED.write_text(json.dumps(result, indent=1) + "\n")
    for name, rates in curves.items():
        for number, each in zip(IN_FLIGHT, rates, strict=True):
            print(f"{name}, {number} in flight: {median(each):.1f}/s", *each)


if __name__ == "__main__":
    main()
