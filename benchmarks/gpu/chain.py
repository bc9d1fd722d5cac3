"""Both engines on one device: pixels → description → prompt → answer, without Ray and HTTP."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

from transformers import AutoTokenizer

from benchmarks.describer import models
from benchmarks.describer.ways import Ours
from benchmarks.gpu import arithmetic, falcon
from benchmarks.gpu.engine import Engine
from benchmarks.gpu.limits import Card
from benchmarks.gpu.records import Found
from benchmarks.gpu.scale import ANSWER_TOKENS, MAX_LENGTH, PROMPT_TOKENS, Scale
from caption_studio.records import Description, Pixels
from caption_studio.voices.prompt import plain_prompt

STAGE = "chain"
PICTURES = 64


def run(scale: Scale, card: Card, found: Found) -> None:
    """Measure captions a second and the latency of one."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, adapter = Path(scratch) / "model", Path(scratch) / "adapter"
        falcon.save_config(scale.falcon, folder)
        falcon.save_adapter(scale.falcon, adapter)
        asyncio.run(_measure(folder, adapter, scale, card, found))


async def _measure(folder: Path, adapter: Path, scale: Scale, card: Card, found: Found) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    pictures = models.pictures(scale.git.vision_config.image_size, PICTURES)
    work = arithmetic.request(scale.falcon, PROMPT_TOKENS, ANSWER_TOKENS)
    limit = 1 / card.seconds(work + arithmetic.picture(scale.git, MAX_LENGTH - 1))
    engine = Engine.start(folder, scale, config="gpu-one.yaml", adapter=adapter)
    describer = None
    try:
        loaded = models.random_git(scale.git, scale.torch_dtype, scale.device, MAX_LENGTH)
        describer = Ours(loaded, scale.describer_rows[-1])

        async def caption(pixels: Pixels) -> None:
            text = await describer.describe(pixels)
            token_ids = tokenizer(plain_prompt(Description(text)))["input_ids"]
            await engine.tokens(token_ids[:PROMPT_TOKENS], with_adapter=True)

        await caption(pictures[0])
        best = 0.0
        for in_flight in scale.chain_in_flight:
            times_s, wall_s = await _closed(caption, pictures, in_flight, in_flight * scale.rounds)
            name = f"{in_flight} in flight"
            per_s = len(times_s) / wall_s
            found.add(STAGE, name, per_s, "captions/s", limit)
            found.add(STAGE, f"{name}, p50", 1e3 * median(times_s), "ms")
            best = max(best, per_s)
        found.add(STAGE, "best", best, "captions/s", limit)
    finally:
        if describer is not None:
            describer.close()
        engine.stop()


async def _closed(
    caption: Callable[[Pixels], Awaitable[None]], pictures: list[Pixels], in_flight: int, count: int
) -> tuple[list[float], float]:
    """Keep a number in flight until `count` are done; return each one's time and the total."""
    times_s: list[float] = []
    numbers = iter(range(count))

    async def caller() -> None:
        for number in numbers:
            begin_s = time.perf_counter()
            await caption(pictures[number % len(pictures)])
            times_s.append(time.perf_counter() - begin_s)

    begin_s = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(in_flight)))
    return times_s, time.perf_counter() - begin_s
