"""The captioner's engine by itself: requests a second, tokens, memory, cold start."""

import asyncio
import tempfile
import time
from pathlib import Path
from statistics import median

import torch

from benchmarks.gpu import arithmetic, falcon
from benchmarks.gpu.engine import Engine
from benchmarks.gpu.limits import Card
from benchmarks.gpu.records import Found
from benchmarks.gpu.scale import ANSWER_TOKENS, PROMPT_TOKENS, Scale

STAGE = "captioner"


def run(scale: Scale, card: Card, found: Found) -> None:
    """Measure base and adapter in one engine."""
    with tempfile.TemporaryDirectory() as scratch:
        model, adapter = Path(scratch) / "model", Path(scratch) / "adapter"
        falcon.save_config(scale.falcon, model)
        falcon.save_adapter(scale.falcon, adapter)
        speed(STAGE, model, adapter, scale, card, found)


def speed(
    stage: str,
    folder: Path,
    adapter: Path | None,
    scale: Scale,
    card: Card,
    found: Found,
    *,
    quantization: str | None = None,
) -> None:
    """Measure one engine: base and adapter, or without an adapter only its weights."""
    ways = {"base": False, "adapter": True} if adapter else {quantization or "merged": False}
    dtype = quantization or scale.dtype
    limit = 1 / card.seconds(arithmetic.request(scale.falcon, PROMPT_TOKENS, ANSWER_TOKENS))
    step_s = card.seconds(arithmetic.lone_step(scale.falcon, dtype))

    async def measure() -> None:
        begin_s = time.perf_counter()
        engine = Engine.start(folder, scale, adapter=adapter, quantization=quantization)
        found.add(stage, f"{'+'.join(ways)}, start", time.perf_counter() - begin_s, "s")
        try:
            for way, with_adapter in ways.items():
                await _loads(
                    stage, engine, way, scale, limit, step_s, found, with_adapter=with_adapter
                )
            if scale.device.type == "cuda":
                free, total = torch.cuda.mem_get_info()
                found.add(stage, f"{'+'.join(ways)}, memory", (total - free) / 2**30, "GiB")
        finally:
            engine.stop()

    asyncio.run(measure())


async def _loads(
    stage: str,
    engine: Engine,
    way: str,
    scale: Scale,
    limit: float,
    step_s: float,
    found: Found,
    *,
    with_adapter: bool,
) -> None:
    vocabulary, best = scale.falcon.vocab_size, 0.0
    await engine.ask(2, 4, vocabulary, with_adapter=with_adapter)
    for in_flight in scale.captioner_in_flight:
        count = in_flight * scale.rounds
        asked = await engine.ask(in_flight, count, vocabulary, with_adapter=with_adapter)
        name = f"{way}, {in_flight} in flight"
        found.add(stage, name, asked.per_s, "requests/s", limit)
        found.add(stage, f"{name}, TTFT p50", 1e3 * median(asked.first_s), "ms")
        bound = 1e3 * step_s if in_flight == 1 else None
        found.add(stage, f"{name}, ITL p50", 1e3 * asked.between_tokens_s, "ms", bound)
        best = max(best, asked.per_s)
    found.add(stage, f"{way}, best", best, "requests/s", limit)
    found.add(stage, f"{way}, best in tokens", best * ANSWER_TOKENS, "tokens/s")
