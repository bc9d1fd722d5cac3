"""vLLM's engine as the captioner sets it up, in a process of its own, asked in closed loops."""

import asyncio
import os
import random
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any, Self

from benchmarks.gpu.scale import ANSWER_TOKENS, PROMPT_TOKENS, Scale
from caption_studio.settings import LanguageSettings

os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "1")  # its memory goes when it ends


@dataclass
class Asked:
    """What a loop of requests gave; seconds since it began."""

    first_s: list[float] = field(default_factory=list)
    each_s: list[float] = field(default_factory=list)
    wall_s: float = 0.0

    @property
    def per_s(self) -> float:
        """Return requests a second."""
        return len(self.each_s) / self.wall_s

    @property
    def between_tokens_s(self) -> float:
        """Return the median time from one token to the next."""
        pairs = zip(self.each_s, self.first_s, strict=True)
        return median((each_s - first_s) / (ANSWER_TOKENS - 1) for each_s, first_s in pairs)


class Engine:
    """One `AsyncLLM`; `adapter` is a folder, `load_format` "dummy" needs no weights."""

    def __init__(self, llm: Any, adapter: Path | None) -> None:
        from vllm.lora.request import LoRARequest

        self._llm = llm
        self._lora = None if adapter is None else LoRARequest("adapter", 1, str(adapter))

    @classmethod
    def start(
        cls,
        folder: Path,
        scale: Scale,
        *,
        dtype: str,
        adapter: Path | None = None,
        load_format: str = "dummy",
        quantization: str | None = None,
        memory_share: float = 0.85,
    ) -> Self:
        """Start the engine of `folder`. Whatever vLLM raises ends it."""
        from vllm.v1.engine.async_llm import AsyncLLM

        from caption_studio.language.engine_options import engine_args, set_environment

        on_gpu = scale.device.type == "cuda"
        values = {
            "model": str(folder),
            "id": "falcon",
            "adapters": (),
            "dtype": dtype,
            "max_model_len": 256,
            "max_num_seqs": max(scale.captioner_in_flight),
            "max_num_batched_tokens": 8192 if on_gpu else 256,
            "kv_cache_bytes": None if on_gpu else 2**24,
            "gpu_memory_utilization": memory_share,
            "enforce_eager": not on_gpu,
        }
        settings = LanguageSettings.model_validate(values)
        set_environment(settings)
        arguments = replace(
            engine_args(settings, str(folder), lora=adapter is not None),
            load_format=load_format,
            quantization=quantization,
        )
        return cls(AsyncLLM.from_engine_args(arguments), adapter)

    def stop(self) -> None:
        """End the engine's process."""
        self._llm.shutdown()

    async def tokens(
        self, prompt: Sequence[int], *, with_adapter: bool, first_s: list[float] | None = None
    ) -> list[int]:
        """Return `ANSWER_TOKENS` greedy tokens; the time of the first goes to `first_s`."""
        from vllm import SamplingParams, TokensPrompt
        from vllm.sampling_params import RequestOutputKind

        sampling = SamplingParams(
            max_tokens=ANSWER_TOKENS,
            temperature=0,
            ignore_eos=True,
            detokenize=False,
            output_kind=RequestOutputKind.DELTA,
        )
        begin_s = time.perf_counter()
        found: list[int] = []
        async for output in self._llm.generate(
            TokensPrompt(prompt_token_ids=list(prompt)),
            sampling,
            request_id=uuid.uuid4().hex,
            lora_request=self._lora if with_adapter else None,
        ):
            if not found and first_s is not None:
                first_s.append(time.perf_counter() - begin_s)
            found += output.outputs[0].token_ids
        return found

    async def ask(
        self, in_flight: int, count: int, vocabulary: int, *, with_adapter: bool
    ) -> Asked:
        """Keep so many requests of `PROMPT_TOKENS` random tokens in flight, `count` in all."""
        asked = Asked()
        numbers = iter(range(count))

        async def caller() -> None:
            for number in numbers:
                prompt = random_prompt(number, vocabulary)
                sent_s = time.perf_counter()
                await self.tokens(prompt, with_adapter=with_adapter, first_s=asked.first_s)
                asked.each_s.append(time.perf_counter() - sent_s)

        begin_s = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(in_flight)))
        asked.wall_s = time.perf_counter() - begin_s
        return asked


def random_prompt(number: int, vocabulary: int) -> list[int]:
    """Return the same tokens for the same number; no two numbers share a beginning."""
    draw = random.Random(number)
    return [draw.randrange(12, vocabulary) for _ in range(PROMPT_TOKENS)]
