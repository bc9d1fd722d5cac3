"""`python -m benchmarks.priority.stepped_captioner`: when a caller gets a place in vLLM, in steps.

The captioner's engine with the service's settings, stepped by hand in this process: each number of
sequences of a batch is kept up, and callers come one after the other, at any point of the batch's
answers. A batch's next prompts are always there before the caller's. Prints JSON.
"""

import asyncio
import json
import os
import time
from collections.abc import Sequence
from itertools import count
from statistics import fmean
from typing import Any

from caption_studio.settings import Settings

CALLERS = 40
PROMPT_TOKENS = 36
ANSWER_TOKENS = 24
BATCH_TOKENS = 30


class Stepped:
    """vLLM's engine in this process, which steps only when it is told to."""

    def __init__(self, llm: Any, patience_ms: int) -> None:
        self._llm = llm
        self._patience_ms = patience_ms
        self._requests = llm.engine_core.engine_core.scheduler.requests
        self._numbers = count()
        self.step_s: list[float] = []

    def keep(self, sequences: int) -> None:
        """Let the batch have so many sequences, begun or waiting."""
        there = sum(request.startswith("batch") for request in self._requests)
        for _ in range(sequences - there):
            self._add("batch", BATCH_TOKENS, self._patience_ms)

    def ask(self, sequences: int) -> tuple[int, float]:
        """Answer a caller beside the batch: the step in which it began, and the seconds."""
        asked = self._add("caller", ANSWER_TOKENS, 0)
        began_s, began_in = time.perf_counter(), 0
        for step in count(1):
            outputs = self.step()
            mine = [one for one in outputs if one.request_id == asked]
            begun = any(
                name.startswith(asked) and request.num_computed_tokens
                for name, request in self._requests.items()
            )
            began_in = began_in or (step if begun or mine else 0)
            if any(one.finished for one in mine):
                break
            self.keep(sequences)
        return began_in, time.perf_counter() - began_s

    def step(self) -> Sequence[Any]:
        """Make one step; return what it put out."""
        began_s = time.perf_counter()
        outputs: Sequence[Any] = self._llm.step()
        self.step_s.append(time.perf_counter() - began_s)
        return outputs

    def _add(self, whose: str, tokens: int, later_ms: int) -> str:
        from vllm import SamplingParams, TokensPrompt

        number = next(self._numbers)
        name = f"{whose}-{number}-"
        first = (100 + number % 100, 100 + number // 100 % 100)  # unlike those in the prefix cache
        prompt = [*first, *range(20, 18 + PROMPT_TOKENS)]
        self._llm.add_request(
            name,
            TokensPrompt(prompt_token_ids=prompt),
            SamplingParams(max_tokens=tokens, temperature=0.0, ignore_eos=True),
            priority=round(1000 * time.monotonic()) + later_ms,
        )
        return name


def beside(engine: Stepped, sequences: int) -> dict[str, float]:
    """Return what callers meet beside so many sequences of a batch."""
    engine.keep(sequences)
    asked = []
    engine.step_s.clear()
    for number in range(CALLERS):
        for _ in range(number % 7):
            engine.step()
            engine.keep(sequences)
        asked.append(engine.ask(sequences))
    return {
        "batch_sequences": sequences,
        "callers": CALLERS,
        "latest_first_step": max(step for step, _ in asked),
        "step_s": fmean(engine.step_s),
        "answer_s": fmean(seconds for _, seconds in asked),
    }


async def started() -> Stepped:
    """Start the engine as the service has it."""
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    from vllm.v1.engine.llm_engine import LLMEngine

    from caption_studio.language.engine_options import engine_args, set_environment
    from caption_studio.language.merged_model import weights_to_load

    settings = Settings()
    language, share = settings.language, settings.batch_share
    set_environment(language)
    async with weights_to_load(language) as weights:
        arguments = engine_args(
            language, weights, lora=bool(language.lora_adapters), batch_places=share.places
        )
        return Stepped(LLMEngine.from_engine_args(arguments), round(1000 * share.patience_s))


def main() -> None:
    """Measure beside each number of sequences, from none to all places of batches."""
    engine = asyncio.run(started())
    most = Settings().batch_share.places
    numbers = [0, *(number for number in (2, 8, 16) if number < most), most]
    print(json.dumps([beside(engine, number) for number in numbers]))


if __name__ == "__main__":
    main()
