"""The describer by itself: exactness, pictures a second, latency, memory, cold start."""

import asyncio
import time
from collections.abc import Callable
from functools import partial

import torch

from benchmarks.describer import models
from benchmarks.describer.loads import Measured, closed, poisson
from benchmarks.describer.ways import FixedBatches, Ours, Way
from benchmarks.gpu import arithmetic
from benchmarks.gpu.limits import Card
from benchmarks.gpu.records import Found
from benchmarks.gpu.scale import MAX_LENGTH, Scale
from caption_studio.records import Pixels
from caption_studio.vision.git import LoadedGit

STAGE = "describer"
BATCH = 64
EXACT_PICTURES = 64
POISSON_SHARE = 0.7
PROFILED_STEPS = 3
SHORT_ROUNDS = 48
VARIED_MAX_LENGTH = 24
"""Limit for texts of random lengths. Their mean is then 10.4 tokens, about COCO's, and they vary
more than COCO's do. So rows end at different steps, and new rows join while others are in
progress."""


def run(scale: Scale, card: Card, found: Found) -> None:
    """Measure everything, the most important figures first."""
    side = scale.git.vision_config.image_size
    pictures = models.pictures(side, EXACT_PICTURES)
    begin_s = time.perf_counter()
    loaded = models.random_git(scale.git, scale.torch_dtype, scale.device, MAX_LENGTH)
    found.add(STAGE, "model made, random weights", time.perf_counter() - begin_s, "s")
    limit = 1 / card.seconds(arithmetic.picture(scale.git, MAX_LENGTH - 1))
    _generate(scale, loaded, pictures, limit, found)
    _ours(scale, loaded, pictures, limit, found, eager=False)
    _varied(scale, pictures, found)
    _exactness(scale, pictures, found)
    _ours(scale, loaded, pictures, limit, found, eager=True)
    _profile(scale, loaded, pictures, found)


def _exactness(scale: Scale, pictures: list[Pixels], found: Found) -> None:
    """Compare texts with `generate()`'s: in float32 all must be equal, in other dtypes a share."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    said: dict[str, list[str]] = {}
    for dtype in dict.fromkeys(("float32", scale.dtype)):
        loaded = models.lively(
            scale.git_exact, getattr(torch, dtype), scale.device, max_length=VARIED_MAX_LENGTH
        )
        upstream = FixedBatches(loaded, len(pictures), use_cache=False)
        said[f"generate {dtype}"] = upstream.generate(pictures)
        for eager in (True, False):
            make = partial(Ours, loaded, BATCH, eager=eager)
            said[f"{_kind(eager)} {dtype}"] = _texts(make, pictures)
    for name, texts in said.items():
        kind, dtype = name.rsplit(" ", 1)
        if kind == "generate" and dtype == "float32":
            continue
        others = ["float32"] if kind == "generate" else dict.fromkeys((dtype, "float32"))
        for other in others:
            alike = [a == b for a, b in zip(texts, said[f"generate {other}"], strict=True)]
            found.add(STAGE, f"{name} says what generate {other} says", sum(alike) / len(alike), "")
    distinct = len(set(said["generate float32"]))
    found.notes.append(f"describer: {distinct} different texts for {len(pictures)} pictures")


def _generate(
    scale: Scale, loaded: LoadedGit, pictures: list[Pixels], limit: float, found: Found
) -> None:
    ways = ((1, "generate one by one", 64), (BATCH, "generate in batches of 64", 4))
    for size, name, share in ways:
        load = partial(closed, in_flight=size, count=max(scale.describer_count // share, size))
        measured = _measure(partial(FixedBatches, loaded, size), load, pictures)
        found.add(STAGE, name, measured.per_s, "pictures/s", limit)
        found.add(STAGE, f"{name}, p50", measured.percentile_ms(50), "ms")


def _ours(
    scale: Scale,
    loaded: LoadedGit,
    pictures: list[Pixels],
    limit: float,
    found: Found,
    *,
    eager: bool,
) -> None:
    kind = _kind(eager)
    best = 0.0
    for rows in scale.describer_rows:
        begin_s = time.perf_counter()
        Ours(loaded, rows, eager=eager).close()
        found.add(STAGE, f"{kind}, {rows} rows, start", time.perf_counter() - begin_s, "s")
        make = partial(Ours, loaded, rows, eager=eager)
        _reset_peak(scale)
        for in_flight in dict.fromkeys((1, min(8, rows), 2 * rows)):
            count = scale.describer_count if in_flight > rows else SHORT_ROUNDS * in_flight
            load = partial(closed, in_flight=in_flight, count=count)
            measured = _measure(make, load, pictures)
            name = f"{kind}, {rows} rows, {in_flight} in flight"
            found.add(STAGE, name, measured.per_s, "pictures/s", limit)
            found.add(STAGE, f"{name}, p50", measured.percentile_ms(50), "ms")
            best = max(best, measured.per_s)
        if scale.device.type == "cuda":
            gib = torch.cuda.max_memory_allocated() / 2**30
            found.add(STAGE, f"{kind}, {rows} rows, memory", gib, "GiB")
    found.add(STAGE, f"{kind}, best", best, "pictures/s", limit)
    rate_per_s = POISSON_SHARE * best
    load = partial(poisson, rate_per_s=rate_per_s, count=scale.describer_count)
    make = partial(Ours, loaded, scale.describer_rows[0], eager=eager)
    measured = _measure(make, load, pictures)
    for percent in (50, 95):
        name = f"{kind}, Poisson at {POISSON_SHARE:.0%} of its best, p{percent}"
        found.add(STAGE, name, measured.percentile_ms(percent), "ms")


def _varied(scale: Scale, pictures: list[Pixels], found: Found) -> None:
    """Measure with texts of random lengths, at the most rows, so that rows join at any step."""
    loaded = models.lively(scale.git, scale.torch_dtype, scale.device, max_length=VARIED_MAX_LENGTH)
    rows = scale.describer_rows[0]
    load = partial(closed, in_flight=2 * rows, count=2 * scale.describer_count)
    measured = _measure(partial(Ours, loaded, rows), load, pictures)
    found.add(
        STAGE, f"lengths vary, {rows} rows, {2 * rows} in flight", measured.per_s, "pictures/s"
    )


def _profile(scale: Scale, loaded: LoadedGit, pictures: list[Pixels], found: Found) -> None:
    """Profile the device's time, in eager mode: kernels in a replayed graph have no names."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    by = "self_cpu_time_total"
    if scale.device.type == "cuda":
        activities, by = [torch.profiler.ProfilerActivity.CUDA], "self_cuda_time_total"
    rows = scale.describer_rows[-1]
    load = partial(closed, in_flight=rows, count=PROFILED_STEPS * rows)
    with torch.profiler.profile(activities=activities) as profile:
        _measure(partial(Ours, loaded, rows, eager=True), load, pictures)
    found.texts["describer-profile.txt"] = profile.key_averages().table(sort_by=by, row_limit=25)


def _measure(
    make: Callable[[], Way], load: Callable[..., object], pictures: list[Pixels]
) -> Measured:
    async def once() -> Measured:
        way = make()
        try:
            await way.describe(pictures[0])
            measured = await load(way, pictures=pictures)  # type: ignore[misc]
            assert isinstance(measured, Measured)
            return measured
        finally:
            way.close()

    return asyncio.run(once())


def _texts(make: Callable[[], Ours], pictures: list[Pixels]) -> list[str]:
    async def all_() -> list[str]:
        way = make()
        try:
            return list(await asyncio.gather(*(way.describe(pixels) for pixels in pictures)))
        finally:
            way.close()

    return asyncio.run(all_())


def _kind(eager: bool) -> str:
    return "ours, eager" if eager else "ours, graphs"


def _reset_peak(scale: Scale) -> None:
    if scale.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
