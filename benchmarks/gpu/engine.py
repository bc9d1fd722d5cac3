"""vLLM's engine as a GPU config of `deploy/` sets it up, in its own process, under closed loops.

Model and adapter are the benchmark's own; all else is the config's. Requests use the sampling of
the service's captions.
"""

import asyncio
import os
import random
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, Self

import yaml

from benchmarks.gpu.falcon import TARGET
from benchmarks.gpu.scale import ANSWER_TOKENS, PROMPT_TOKENS, Scale
from caption_studio.records import Prompt, Sampling
from caption_studio.settings import LanguageSettings

DEPLOY = Path(__file__).parents[2] / "deploy"
SMALL = {
    "dtype": "float32",
    "max_model_len": 256,
    "max_num_seqs": 8,
    "max_num_batched_tokens": 256,
    "kv_cache_bytes": 2**24,
    "enforce_eager": True,
}
"""Replaces a config's values, for the tiny models on a CPU."""

os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "1")  # its memory is freed when it ends


@dataclass
class Asked:
    """Results of a closed loop of requests; seconds since it began."""

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
        config: str = "gpu.yaml",
        dtype: str | None = None,
        adapter: Path | None = None,
        load_format: str = "dummy",
        quantization: str | None = None,
    ) -> Self:
        """Start the engine of `folder` as `config` says. vLLM's exceptions pass through."""
        from vllm.v1.engine.async_llm import AsyncLLM

        from caption_studio.language.engine_options import (
            engine_args,
            for_these_adapters,
            set_environment,
        )

        values = _language(config) | {"model": str(folder), "id": "falcon", "adapters": ()}
        values |= {} if scale.device.type == "cuda" else SMALL
        values |= {"quantization": quantization} | ({} if dtype is None else {"dtype": dtype})
        settings = LanguageSettings.model_validate(values)
        set_environment(settings)
        arguments = engine_args(settings, str(folder), lora=adapter is not None)
        if adapter is not None:
            arguments = for_these_adapters(arguments, (TARGET,), 1)
        return cls(AsyncLLM.from_engine_args(replace(arguments, load_format=load_format)), adapter)

    def stop(self) -> None:
        """End the engine's process."""
        self._llm.shutdown()

    async def tokens(
        self,
        prompt: Sequence[int],
        *,
        with_adapter: bool,
        greedy: bool = False,
        first_s: list[float] | None = None,
    ) -> list[int]:
        """Return `ANSWER_TOKENS` tokens; the time of the first goes to `first_s`."""
        from vllm import TokensPrompt

        begin_s = time.perf_counter()
        found: list[int] = []
        async for output in self._llm.generate(
            TokensPrompt(prompt_token_ids=list(prompt)),
            _sampling(greedy=greedy),
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
        """Keep `in_flight` requests of `PROMPT_TOKENS` random tokens in flight, `count` in all."""
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


def _language(config: str) -> dict[str, Any]:
    """Return the captioner's settings in a Serve config."""
    application = yaml.safe_load((DEPLOY / config).read_text())["applications"][0]
    language: dict[str, Any] = application["args"]["language"]
    return language


@cache
def _sampling(*, greedy: bool) -> Any:
    """Return the sampling of a caption with an adapter, always of `ANSWER_TOKENS` tokens."""
    from caption_studio.language.engine_options import sampling_params

    defaults = LanguageSettings()
    temperature = 0.0 if greedy else defaults.caption_temperature
    sampling = Sampling(ANSWER_TOKENS, temperature, defaults.caption_top_p, ignore_eos=True)
    prompt = Prompt("benchmark", "falcon", (), sampling, "quoted")
    return sampling_params(prompt, ANSWER_TOKENS, stream=True)  # to time the first token
