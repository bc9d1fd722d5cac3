"""`python -m benchmarks.describer`: measure every way, print the table, write the result."""

import argparse
import asyncio
import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Coroutine
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks.describer import models
from benchmarks.describer.loads import Measured, closed, poisson
from benchmarks.describer.ways import FixedBatches, Ours, Way
from benchmarks.hardware import describe
from caption_studio.vision.git import LoadedGit

RESULTS = Path(__file__).parents[1] / "results"
REPEATS = 3
ROWS = 64
PICTURES = 256
POISSON_SHARE = 0.7
"""Arrival rate as a share of the best fixed batches' throughput: busy, but not overloaded."""

TARGETS = {
    "demo-64-over-fixed-batches": 1.0,
    "demo-64-over-one-by-one": 3.0,
    "demo-1-over-one-by-one": 1.0,
    "demo-poisson-p95-fixed-batches-over-ours": 2.0,
    "git-large-8-over-fixed-batches": 1.0,
    "git-large-64-over-fixed-batches": 1.0,
    "git-large-1-over-one-by-one": 1.0,
}

Load = Callable[[Way], Coroutine[Any, Any, Measured]]
Found = dict[tuple[str, str], list[Measured]]
"""By way and load."""


def run(name: str, make: Callable[[], Way], load_name: str, load: Load, found: Found) -> None:
    """Start a way, measure one load on it, and keep the figures."""

    async def once() -> Measured:
        way = make()
        try:
            return replace(await load(way), way=name, load=load_name)
        finally:
            way.close()

    measured = asyncio.run(once())
    found[name, load_name].append(measured)
    figures = measured.figures()
    print(
        f"{name:>16} {load_name:>12}: {figures['pictures_per_s']:7.2f} pictures/s,"
        f" p50 {figures['p50_ms']:7.1f} ms, p95 {figures['p95_ms']:7.1f} ms",
        flush=True,
    )


def measure_demo(loaded: LoadedGit, found: Found) -> None:
    """Measure the embedded model: each way in turn, `REPEATS` times."""
    pictures = models.pictures(loaded.git.image_size_px, PICTURES)
    ways: dict[str, Callable[[], Way]] = {
        "one-by-one": lambda: FixedBatches(loaded, 1),
        "fixed-8": lambda: FixedBatches(loaded, 8),
        "fixed-64": lambda: FixedBatches(loaded, ROWS),
        "ours": lambda: Ours(loaded, ROWS),
    }
    counts = {1: 96, 8: 320, 64: 640}
    for _ in range(REPEATS):
        for name, in_flight in (
            *(("one-by-one", 1), ("fixed-8", 64), ("fixed-64", 64)),
            *(("ours", 1), ("ours", 8), ("ours", 64)),
        ):
            load = partial(closed, pictures=pictures, in_flight=in_flight, count=counts[in_flight])
            run(name, ways[name], f"{in_flight} in flight", load, found)
    rate_per_s = POISSON_SHARE * best_fixed(found)
    load = partial(poisson, pictures=pictures, rate_per_s=rate_per_s, count=400)
    for _ in range(REPEATS):
        for name in ("fixed-8", "fixed-64", "ours"):
            run(name, ways[name], "poisson", load, found)


def measure_large(loaded: LoadedGit, found: Found) -> None:
    """Measure git-large-coco's config, with few pictures: each takes seconds on a CPU."""
    pictures = models.pictures(loaded.git.image_size_px, ROWS)
    ways: tuple[tuple[str, Callable[[], Way], int], ...] = (
        ("large one-by-one", lambda: FixedBatches(loaded, 1), 1),
        ("large fixed-8", lambda: FixedBatches(loaded, 8), 8),
        ("large ours", lambda: Ours(loaded, 8), 1),
        ("large ours", lambda: Ours(loaded, 8), 8),
        ("large fixed-8", lambda: FixedBatches(loaded, 8), ROWS),
        ("large fixed-64", lambda: FixedBatches(loaded, ROWS), ROWS),
        ("large ours", lambda: Ours(loaded, ROWS), ROWS),
    )
    for name, make, in_flight in ways:
        count = max(in_flight, 4)
        load = partial(closed, pictures=pictures, in_flight=in_flight, count=count)
        run(name, make, f"{in_flight} in flight", load, found)


def agreement(texts: list[list[str]]) -> float:
    """Return the share of pictures for which both texts are equal."""
    alike: int = sum(a == b for a, b in zip(*texts, strict=True))
    return alike / len(texts[0])


def bfloat16_agreement(loaded: LoadedGit) -> float:
    """Return the share of pictures with equal texts in float32 and bfloat16."""
    pictures = models.pictures(loaded.git.image_size_px, PICTURES)

    async def texts(way: Ours) -> list[str]:
        try:
            return await asyncio.gather(*(way.describe(pixels) for pixels in pictures))
        finally:
            way.close()

    both = (loaded, models.demo(torch.bfloat16))
    return agreement([asyncio.run(texts(Ours(one, ROWS))) for one in both])


def per_s(found: Found, way: str, load: str) -> float:
    """Return the median rate over the repeats."""
    return median(measured.per_s for measured in found[way, load])


def best_fixed(found: Found, model: str = "") -> float:
    """Return the throughput of the better fixed batches; `model` is a way's name's prefix."""
    return max(per_s(found, model + way, "64 in flight") for way in ("fixed-8", "fixed-64"))


def p95_ms(found: Found, way: str) -> float:
    """Return the median p95 under Poisson arrivals."""
    return median(measured.percentile_ms(95) for measured in found[way, "poisson"])


def ratios(found: Found) -> dict[str, float]:
    """Return the ratios of `TARGETS`; except at 8 in flight, the better batch size counts."""
    one = per_s(found, "one-by-one", "1 in flight")
    return {
        "demo-64-over-fixed-batches": per_s(found, "ours", "64 in flight") / best_fixed(found),
        "demo-64-over-one-by-one": per_s(found, "ours", "64 in flight") / one,
        "demo-1-over-one-by-one": per_s(found, "ours", "1 in flight") / one,
        "demo-poisson-p95-fixed-batches-over-ours": min(
            p95_ms(found, "fixed-8"), p95_ms(found, "fixed-64")
        )
        / p95_ms(found, "ours"),
        "git-large-8-over-fixed-batches": per_s(found, "large ours", "8 in flight")
        / per_s(found, "large fixed-8", "8 in flight"),
        "git-large-64-over-fixed-batches": per_s(found, "large ours", "64 in flight")
        / best_fixed(found, "large "),
        "git-large-1-over-one-by-one": per_s(found, "large ours", "1 in flight")
        / per_s(found, "large one-by-one", "1 in flight"),
    }


def main() -> int:
    """Measure, print and write; 1 if a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.describer", description=__doc__)
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="DIR")
    output: Path = parser.parse_args().output
    found: Found = defaultdict(list)
    torch.set_num_threads(1)  # as a replica has it
    loaded = models.demo(torch.float32)
    measure_demo(loaded, found)
    alike = bfloat16_agreement(loaded)
    torch.set_num_threads(os.cpu_count() or 1)
    measure_large(models.git_large(torch.float32), found)
    values = ratios(found)
    for name, value in values.items():
        print(f"{name}: {value:.2f} (at least {TARGETS[name]:.2f})")
    print(f"bfloat16 says what float32 says of {alike:.1%} of {PICTURES} pictures (demo model)")
    output.mkdir(parents=True, exist_ok=True)
    report = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "ratios": values,
        "targets": TARGETS,
        "bfloat16_agreement": alike,
        "git_large": "random weights, the true config; texts of 12 tokens, all cores",
        "figures": [one.figures() for repeats in found.values() for one in repeats],
        "environment": asdict(describe()),
    }
    (output / "describer.json").write_text(json.dumps(report, indent=1) + "\n")
    with (output / "describer-samples.jsonl").open("w") as lines:
        for repeats in found.values():
            lines.writelines(json.dumps(measured.raw()) + "\n" for measured in repeats)
    return int(any(values[name] < target for name, target in TARGETS.items()))


if __name__ == "__main__":
    sys.exit(main())
