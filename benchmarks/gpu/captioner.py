"""The captioner's engine by itself: exact or not, requests a second, tokens, memory, cold start."""

import asyncio
import gc
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import torch
from peft import PeftModel
from transformers import FalconForCausalLM

from benchmarks.gpu import arithmetic, falcon
from benchmarks.gpu.engine import Engine, random_prompt
from benchmarks.gpu.limits import Card
from benchmarks.gpu.records import Found
from benchmarks.gpu.scale import ANSWER_TOKENS, PROMPT_TOKENS, Scale

STAGE = "captioner"
EXACT_PROMPTS = 16


def run(scale: Scale, card: Card, found: Found) -> None:
    """Measure everything; a way that the engine refuses is named and left out."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        exact = folder / "exact"
        falcon.save_model(scale.falcon_exact, exact)
        falcon.save_adapter(scale.falcon_exact, folder / "exact-adapter")
        for dtype in dict.fromkeys(("float32", scale.dtype)):
            _exactness(exact, folder / "exact-adapter", scale, dtype, found)
        model, adapter = folder / "model", folder / "adapter"
        falcon.save_config(scale.falcon, model)
        falcon.save_adapter(scale.falcon, adapter)
        _speed(model, adapter, scale, card, found)
        # Merged, an adapter is in the weights: the engine is then one without adapters.
        _speed(model, None, scale, card, found)
        try:
            _speed(model, None, scale, card, found, quantization="fp8")
        except Exception as error:  # whatever vLLM has against it
            found.lacks("fp8", f"the engine does not take it here: {_short(error)}")


def _exactness(folder: Path, adapter: Path, scale: Scale, dtype: str, found: Found) -> None:
    """Compare greedy tokens with transformers' and PEFT's of the same dtype."""
    vocabulary = scale.falcon_exact.vocab_size
    prompts = [random_prompt(number, vocabulary) for number in range(EXACT_PROMPTS)]

    async def ours() -> dict[bool, list[list[int]]]:
        engine = Engine.start(folder, scale, dtype=dtype, adapter=adapter, load_format="auto")
        try:
            return {
                way: list(
                    await asyncio.gather(*(engine.tokens(p, with_adapter=way) for p in prompts))
                )
                for way in (False, True)
            }
        finally:
            engine.stop()

    said = asyncio.run(ours())
    for with_adapter, name in ((False, "base"), (True, "adapter")):
        reference = _reference(folder, adapter if with_adapter else None, scale, dtype, prompts)
        alike = [a == b for a, b in zip(said[with_adapter], reference, strict=True)]
        found.add(STAGE, f"{name} {dtype} says what transformers says", sum(alike) / len(alike), "")
    changed = [a != b for a, b in zip(said[False], said[True], strict=True)]
    found.notes.append(f"captioner: the adapter changes {sum(changed)} of {len(changed)} answers")


@torch.inference_mode()
def _reference(
    folder: Path, adapter: Path | None, scale: Scale, dtype: str, prompts: Sequence[list[int]]
) -> list[list[int]]:
    model = FalconForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype))
    if adapter is not None:
        model = PeftModel.from_pretrained(model, adapter)
    model.to(scale.device).eval()
    token_ids = model.generate(
        input_ids=torch.tensor(prompts, device=scale.device),
        attention_mask=torch.ones(len(prompts), PROMPT_TOKENS, device=scale.device),
        max_new_tokens=ANSWER_TOKENS,
        min_new_tokens=ANSWER_TOKENS,
        eos_token_id=-1,
        do_sample=False,
    )
    answers: list[list[int]] = token_ids[:, PROMPT_TOKENS:].tolist()
    del model
    gc.collect()
    if scale.device.type == "cuda":
        torch.cuda.empty_cache()
    return answers


def _speed(
    folder: Path,
    adapter: Path | None,
    scale: Scale,
    card: Card,
    found: Found,
    *,
    quantization: str | None = None,
) -> None:
    """Measure one engine: base and adapter beside each other, or weights alone."""
    ways = {"base": False, "adapter": True} if adapter else {quantization or "merged": False}
    dtype = quantization or scale.dtype
    limit = 1 / card.seconds(arithmetic.request(scale.falcon, PROMPT_TOKENS, ANSWER_TOKENS))
    step_s = card.seconds(arithmetic.lone_step(scale.falcon, dtype))

    async def measure() -> None:
        begin_s = time.perf_counter()
        engine = Engine.start(
            folder, scale, dtype=scale.dtype, adapter=adapter, quantization=quantization
        )
        found.add(STAGE, f"{'+'.join(ways)}, start", time.perf_counter() - begin_s, "s")
        try:
            for way, with_adapter in ways.items():
                await _loads(engine, way, scale, limit, step_s, found, with_adapter=with_adapter)
            if scale.device.type == "cuda":
                free, total = torch.cuda.mem_get_info()
                found.add(STAGE, f"{'+'.join(ways)}, memory", (total - free) / 2**30, "GiB")
        finally:
            engine.stop()

    asyncio.run(measure())


async def _loads(
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
        found.add(STAGE, name, asked.per_s, "requests/s", limit)
        found.add(STAGE, f"{name}, TTFT p50", 1e3 * median(asked.first_s), "ms")
        bound = 1e3 * step_s if in_flight == 1 else None
        found.add(STAGE, f"{name}, ITL p50", 1e3 * asked.between_tokens_s, "ms", bound)
        best = max(best, asked.per_s)
    found.add(STAGE, f"{way}, best", best, "requests/s", limit)
    found.add(STAGE, f"{way}, best in tokens", best * ANSWER_TOKENS, "tokens/s")


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
