"""Greedy tokens of the captioner's engine against transformers' and PEFT's, two layers."""

import asyncio
import gc
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from peft import PeftModel
from transformers import FalconForCausalLM

from benchmarks.gpu import falcon
from benchmarks.gpu.engine import Engine, random_prompt
from benchmarks.gpu.limits import Card
from benchmarks.gpu.records import Found
from benchmarks.gpu.scale import ANSWER_TOKENS, PROMPT_TOKENS, Scale

STAGE = "answers"
EXACT_PROMPTS = 16


def run(scale: Scale, card: Card, found: Found) -> None:
    """Compare in the served dtype, then in float32, which the engine may refuse."""
    del card
    with tempfile.TemporaryDirectory() as scratch:
        model, adapter = Path(scratch) / "model", Path(scratch) / "adapter"
        falcon.save_model(scale.falcon_exact, model)
        falcon.save_adapter(scale.falcon_exact, adapter)
        for dtype in dict.fromkeys((scale.dtype, "float32")):
            _exactness(model, adapter, scale, dtype, found)


def _exactness(folder: Path, adapter: Path, scale: Scale, dtype: str, found: Found) -> None:
    """Compare greedy tokens with transformers' and PEFT's of the same dtype."""
    vocabulary = scale.falcon_exact.vocab_size
    prompts = [random_prompt(number, vocabulary) for number in range(EXACT_PROMPTS)]

    async def ours() -> dict[bool, list[list[int]]]:
        engine = Engine.start(folder, scale, dtype=dtype, adapter=adapter, load_format="auto")
        try:
            return {
                way: list(
                    await asyncio.gather(
                        *(engine.tokens(p, with_adapter=way, greedy=True) for p in prompts)
                    )
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
    found.notes.append(f"answers: the adapter changes {sum(changed)} of {len(changed)} answers")


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
