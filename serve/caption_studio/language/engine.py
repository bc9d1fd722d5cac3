"""Prompt → CaptionDelta…, through vLLM's continuous batching.

The one module that talks to vLLM's engine; its exceptions end here. Not here: which
prompt (language.prompt), where the caption ends in the model's text (language.answer).
"""

import logging
import os
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from vllm import AsyncEngineArgs, SamplingParams, TokensPrompt
from vllm.exceptions import VLLMClientError
from vllm.logprobs import Logprob
from vllm.lora.request import LoRARequest
from vllm.outputs import RequestOutput
from vllm.sampling_params import RequestOutputKind
from vllm.tokenizers import TokenizerLike
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

from caption_studio.errors import (
    ContextLengthExceeded,
    EngineFailure,
    InvalidValue,
    ModelNotFound,
    NotReady,
)
from caption_studio.language.adapters import numbered
from caption_studio.language.answer import Choices
from caption_studio.language.tokens import text_tokens, token_bytes
from caption_studio.records import CaptionDelta, Prompt, TokenLogprob
from caption_studio.settings import LanguageSettings, model_location

logger = logging.getLogger(__name__)

DeltaGroup = tuple[CaptionDelta, ...]


class FalconEngine:
    """One vLLM engine with its adapters.

    `start` loads the model and every adapter, so a bad one fails the start and not a
    request; `stop` ends the engine's process.
    """

    def __init__(self, settings: LanguageSettings) -> None:
        self._settings = settings
        self._adapters = numbered(settings.adapters)
        self._llm: AsyncLLM | None = None

    async def start(self) -> None:
        """Load the base model and the adapters. What vLLM raises ends the start."""
        _set_environment(self._settings)
        self._llm = AsyncLLM.from_engine_args(_engine_args(self._settings))
        for adapter in self._adapters.values():
            await self._llm.add_lora(self._lora_request(adapter.id))
            logger.info("adapter loaded", extra={"adapter": adapter.id})

    def stop(self) -> None:
        """End the engine's process."""
        if self._llm is not None:
            self._llm.shutdown()
            self._llm = None

    async def check_health(self) -> None:
        """Raise `NotReady` unless the engine's process lives."""
        try:
            await self._running().check_health()
        except EngineDeadError as error:
            raise NotReady("The captioner is being replaced.") from error

    async def generate(self, prompt: Prompt, *, stream: bool) -> AsyncGenerator[DeltaGroup]:
        """Yield the answer: the first delta at once, then what gathers in an interval.

        Not streamed, it is one group with one delta for each choice. Closing the generator
        aborts the generation and frees its KV cache.

        Raises:
            ContextLengthExceeded: the prompt leaves no room for an answer.
            ModelNotFound: no such adapter.
            EngineFailure: vLLM failed on this request, or its process died.
        """
        tokenizer = self._running().get_tokenizer()
        token_ids = self._tokenize(prompt, tokenizer)
        choices = Choices(prompt.sampling.n, prompt.answer, prompt_tokens=len(token_ids))
        flush_at = 0.0
        async with aclosing(self._outputs(prompt, token_ids)) as outputs:
            async for output in outputs:
                _feed(choices, output, tokenizer)
                if choices.finished:
                    break
                if stream and choices.has_text and time.monotonic() >= flush_at:
                    yield choices.flush()
                    flush_at = time.monotonic() + self._settings.stream_interval_s
        yield choices.flush()

    def _running(self) -> AsyncLLM:
        if self._llm is None:
            raise NotReady("The captioner is starting.")
        return self._llm

    def _tokenize(self, prompt: Prompt, tokenizer: TokenizerLike) -> list[int]:
        token_ids = text_tokens(tokenizer, prompt.text)
        limit = self._settings.max_model_len
        if len(token_ids) >= limit:
            raise ContextLengthExceeded(
                f"This model's context is {limit} tokens; the prompt has {len(token_ids)} "
                "and leaves no room for an answer."
            )
        return token_ids

    async def _outputs(self, prompt: Prompt, token_ids: list[int]) -> AsyncGenerator[RequestOutput]:
        lora = None if prompt.model == self._settings.id else self._lora_request(prompt.model)
        room = self._settings.max_model_len - len(token_ids)
        try:
            async with aclosing(
                self._running().generate(
                    TokensPrompt(prompt_token_ids=token_ids),
                    _sampling_params(prompt, room),
                    prompt.request_id,
                    lora_request=lora,
                )
            ) as outputs:
                async for output in outputs:
                    yield output
        except VLLMClientError as error:
            raise InvalidValue("The model cannot take these parameters.") from error
        except (EngineDeadError, EngineGenerateError) as error:
            raise EngineFailure("The captioner failed on this request.") from error

    def _lora_request(self, adapter_id: str) -> LoRARequest:
        if adapter_id not in self._adapters:
            raise ModelNotFound(f"The model {adapter_id!r} does not exist.", param="model")
        adapter = self._adapters[adapter_id]
        return LoRARequest(adapter.id, adapter.number, adapter.location)


def _set_environment(settings: LanguageSettings) -> None:
    """Tell vLLM what it takes from the environment only; its own process inherits it."""
    os.environ["VLLM_CPU_OMP_THREADS_BIND"] = settings.cpu_threads
    os.environ["VLLM_NO_USAGE_STATS"] = "1"
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    # Each prompt length is another shape of matrix product, and oneDNN keeps the last 1024 of
    # them: hundreds of megabytes in the demo (measured: 800 MB over 240 lengths, 130 with 32).
    # https://uxlfoundation.github.io/oneDNN/dev_guide_primitive_cache.html
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "32")


def _engine_args(settings: LanguageSettings) -> AsyncEngineArgs:
    return AsyncEngineArgs(
        model=model_location(settings.model),
        revision=settings.revision,
        served_model_name=settings.id,
        dtype=settings.dtype,
        max_model_len=settings.max_model_len,
        max_num_seqs=settings.max_num_seqs,
        max_num_batched_tokens=settings.max_num_batched_tokens,
        kv_cache_memory_bytes=settings.kv_cache_bytes,
        gpu_memory_utilization=settings.gpu_memory_utilization,
        enforce_eager=settings.enforce_eager,
        enable_lora=bool(settings.adapters),
        max_loras=max(1, len(settings.adapters)),
        max_lora_rank=settings.max_lora_rank,
        disable_log_stats=True,
        enable_log_requests=False,
        generation_config="vllm",  # a checkpoint's own sampling defaults are not ours
    )


def _sampling_params(prompt: Prompt, room: int) -> SamplingParams:
    sampling = prompt.sampling
    return SamplingParams(
        n=sampling.n,
        max_tokens=min(sampling.max_tokens or room, room),
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        seed=sampling.seed,
        presence_penalty=sampling.presence_penalty,
        frequency_penalty=sampling.frequency_penalty,
        logit_bias=dict(sampling.logit_bias) or None,
        logprobs=sampling.top_logprobs,
        stop=[*sampling.stop, *prompt.stop],
        output_kind=RequestOutputKind.DELTA,
    )


def _feed(choices: Choices, output: RequestOutput, tokenizer: TokenizerLike) -> None:
    for piece in output.outputs:
        if piece.finish_reason not in (None, "stop", "length"):
            raise EngineFailure("The captioner gave this request up.")
        choices.feed(
            piece.index,
            piece.text,
            len(piece.token_ids),
            piece.finish_reason,
            [
                _token_logprob(token_id, candidates, tokenizer)
                for token_id, candidates in zip(piece.token_ids, piece.logprobs or (), strict=False)
            ],
        )


def _token_logprob(
    token_id: int, candidates: Mapping[int, Logprob], tokenizer: TokenizerLike
) -> TokenLogprob:
    """Return the chosen token with the others, likeliest first, as vLLM ranks them."""

    def of(id_: int) -> TokenLogprob:
        name = tokenizer.convert_ids_to_tokens([id_])[0]
        return TokenLogprob(token_bytes(name), candidates[id_].logprob)

    ranked = sorted(candidates, key=lambda id_: candidates[id_].rank or 0)
    chosen = of(token_id)
    return TokenLogprob(chosen.data, chosen.logprob, tuple(of(id_) for id_ in ranked))
