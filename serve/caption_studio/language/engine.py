"""Prompt → CaptionDelta…, through vLLM's continuous batching.

It translates vLLM's exceptions. Not here: the adapters (language.engine_adapters), the
prompt's text (language.prompt), the caption's end in the model's text (language.caption_cut).
"""

import asyncio
import itertools
import logging
import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, aclosing, nullcontext

from vllm import SamplingParams, TokensPrompt
from vllm.exceptions import VLLMClientError
from vllm.lora.request import LoRARequest
from vllm.outputs import RequestOutput
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

from caption_studio.counts import Counter
from caption_studio.errors import (
    CaptionStudioError,
    EngineFailure,
    InvalidValue,
    NotReady,
)
from caption_studio.language import engine_gathering, engine_sample
from caption_studio.language.adapters.check import BaseModel
from caption_studio.language.adapters.configured import configured
from caption_studio.language.adapters.service import AdapterService
from caption_studio.language.answer import AnswerEnd, Choices
from caption_studio.language.engine_adapters import EngineAdapters
from caption_studio.language.engine_added_requests import AddedRequests
from caption_studio.language.engine_answer_ends import end_at
from caption_studio.language.engine_gathering import Gather
from caption_studio.language.engine_groups import in_groups
from caption_studio.language.engine_options import (
    comes_by_token,
    engine_args,
    for_these_adapters,
    is_cut,
    is_greedy,
    sampling_params,
    set_environment,
)
from caption_studio.language.engine_output_guard import contain
from caption_studio.language.engine_outputs import ended_by_itself, feed, token_logprobs
from caption_studio.language.engine_single_outputs import keep_apart
from caption_studio.language.engine_token_names import skip_token_names
from caption_studio.language.engine_verdict import dead, probe, verdict
from caption_studio.language.engine_wake_tokens import OFTEN, WakeTokens
from caption_studio.language.merged_model import weights_to_load
from caption_studio.language.prompt_tokens import PromptTokens
from caption_studio.language.structured import AnswerForms
from caption_studio.language.tokens import TokenBytes, check_token_ids
from caption_studio.language.turns import Turns
from caption_studio.limits import MAX_IN_FLIGHT
from caption_studio.records import (
    NO_BATCHES,
    Adapter,
    BatchShare,
    CaptionerLoad,
    DeltaGroup,
    Prompt,
)
from caption_studio.settings import LanguageSettings, model_location

logger = logging.getLogger(__name__)

GAP_BOUNDS_S = (0.002, 0.004, 0.006, 0.008, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
"""A step of Falcon-7B on an H100 takes at least 4 ms; one that also reads prompts takes some 30."""

EARLY = 0.5
"""vLLM's process times the pieces of a stream. One that comes sooner than this part of the interval
after the last waits for the next."""


class FalconEngine:
    """One vLLM engine with its adapters.

    `start` loads the model and every configured adapter, so a bad adapter fails the start and not
    a request. Others (`run_time_adapters`) are loaded by `load_adapter` or by the first prompt that
    names them. `stop` ends the engine's process. An engine that does not answer within `stall_s`
    counts as hung. `batches` are places beside `max_num_seqs` for prompts of batches, of which half
    as many may wait as there may be requests at all.
    """

    def __init__(
        self,
        settings: LanguageSettings,
        *,
        run_time_adapters: bool = False,
        stall_s: float = 60.0,
        batches: BatchShare = NO_BATCHES,
    ) -> None:
        self._settings = settings
        self._batches = batches
        self._turns = Turns(batches, max_waiting=MAX_IN_FLIGHT // 2)
        self._stall_s = stall_s
        self._takes_any_adapter = run_time_adapters
        self._takes_adapters = run_time_adapters or bool(settings.lora_adapters)
        self._adapters = EngineAdapters(self._add_adapter, taken=self._takes_adapters)
        self._llm: AsyncLLM | None = None
        self._prompts = PromptTokens(max_model_len=settings.max_model_len)
        self._sample = engine_sample.Sample()
        self._gaps = Counter(GAP_BOUNDS_S)
        self._added: AddedRequests | None = None
        self._asked = itertools.count()
        self._tokens = TokenBytes(None)
        self._wake_tokens: WakeTokens | None = None

    async def start(self) -> None:
        """Load the base model and the adapters. An exception from vLLM ends the start.

        Raises `InvalidAdapter` or `AdapterUnavailable` for a configured adapter.
        """
        set_environment(self._settings)
        adapters = configured(self._settings)
        async with weights_to_load(self._settings) as weights:
            arguments = engine_args(
                self._settings,
                weights,
                lora=self._takes_adapters,
                batch_places=self._batches.places,
            )
            names = (model_location(self._settings.model), self._settings.id)
            base = BaseModel.of(arguments.create_model_config().hf_config, names)
            self._adapters.open(AdapterService(self._settings, base))
            # Report a bad adapter before the weights are loaded.
            targets = [await self._adapters.prepare_configured(adapter) for adapter in adapters]
            if adapters and not self._takes_any_adapter:
                modules = frozenset[str]().union(*targets)
                arguments = for_these_adapters(arguments, modules, len(adapters))
            self._llm = AsyncLLM.from_engine_args(arguments)
            contain(self._llm.output_processor)
            self._added = AddedRequests(self._llm.output_processor, each=skip_token_names)
            self._tokens = TokenBytes(self._llm.get_tokenizer())
            self._prompts.prepare(self._llm.get_tokenizer())
            vocabulary = self._llm.model_config.get_vocab_size()
            self._wake_tokens = WakeTokens(self._tokens, vocabulary, self._learn)
            await self._wake_tokens.learn(OFTEN)
        for adapter in adapters:
            await self._adapters.load(adapter)

    def stop(self) -> None:
        """End the engine's process."""
        self._adapters.close()
        self._prompts.close()
        if self._llm is not None:
            self._llm.shutdown()
            self._llm = None

    async def load_adapter(self, adapter: Adapter) -> Adapter:
        """Fetch, check and load it; return it with its digest, which pins its files.

        Raises `InvalidAdapter`, `AdapterUnavailable` or `EngineFailure`.
        """
        return await self._adapters.load_pinned(adapter)

    async def _add_adapter(self, request: LoRARequest) -> None:
        await self._running().add_lora(request)

    async def check_health(self) -> None:
        """Raise `EngineDied` unless the engine's process lives."""
        try:
            await self._running().check_health()
        except EngineDeadError as error:
            raise dead() from error

    def load(self) -> CaptionerLoad:
        """Return the engine's load as of the last `sample`; from any thread, after `start`.

        The present number of unfinished requests caps the sampled counts.
        """
        unfinished = self._running().get_num_unfinished_requests()
        running = min(self._sample.running, unfinished)
        return CaptionerLoad(
            running=running,
            waiting=min(self._sample.waiting, unfinished - running),
            batch_waiting=self._turns.waiting,
            kv_cache_ratio=self._sample.kv_cache_ratio if unfinished else 0.0,
            token_gaps=self._gaps.read(),
        )

    async def sample(self) -> None:
        """Sample the engine's state for `load`. Raises `EngineDied`, also if the engine hangs."""
        try:
            async with asyncio.timeout(self._stall_s):
                self._sample = await engine_sample.take(self._running().engine_core)
        except TimeoutError as error:
            logger.critical("the captioner's engine hangs")
            raise dead() from error
        except EngineDeadError as error:
            raise dead() from error

    async def generate(self, prompt: Prompt, *, stream: bool) -> AsyncGenerator[DeltaGroup]:
        """Yield the answer: the first delta at once, then the text of each interval.

        Without `stream` it is one group with one delta for each choice. Closing the generator
        aborts the generation and frees its KV cache.

        Raises:
            ContextLengthExceeded: the prompt leaves no room for an answer.
            AdapterUnavailable: the adapter was valid when it was added, but cannot be loaded here.
            InvalidValue: vLLM refuses the parameters, or gives up on the answer's schema.
            EngineFailure: vLLM failed on this request.
            EngineDied: vLLM's process died, or answers no request any more.
        """
        try:
            async with aclosing(self._answer(prompt, stream=stream)) as groups:
                async for group in groups:
                    yield group
        except CaptionStudioError as error:
            if not isinstance(error, EngineFailure):
                raise
            raise await self._verdict(error) from error.__cause__
        except Exception as error:  # anything: vLLM's and the tokenizer's code ran
            raise await self._verdict(error) from error

    async def _verdict(self, error: Exception) -> CaptionStudioError:
        async def ask_probe() -> None:
            async for _ in self._answer(probe(f"probe-{uuid.uuid4().hex}"), stream=False):
                pass

        return await verdict(error, ask_probe, timeout_s=self._stall_s)

    async def _answer(self, prompt: Prompt, *, stream: bool) -> AsyncGenerator[DeltaGroup]:
        """Yield the answer. Raises what `generate` does, and whatever vLLM raises."""
        tokenizer = self._running().get_tokenizer()
        token_ids = await self._prompts.of(tokenizer, prompt.text)
        check_token_ids(prompt, token_ids, self._running().model_config.get_vocab_size())
        lora = await self._adapters.load_for_prompt(prompt.adapter)
        choices = Choices(
            prompt, prompt_tokens=len(token_ids), queued=self._is_full(prompt.sampling.n)
        )
        copies = prompt.sampling.n if is_greedy(prompt.sampling) else 1
        forms = AnswerForms(prompt.sampling)
        flush_at = came_at = 0.0
        room = self._settings.max_model_len - len(token_ids)
        interval_s = self._settings.stream_interval_s if stream else None
        gather = await self._gather(prompt, interval_s)
        params = sampling_params(prompt, room, stream=stream, gather=gather)

        def generate(group: SamplingParams) -> AsyncGenerator[RequestOutput]:
            return self._outputs(prompt, token_ids, group, lora)

        async with aclosing(in_groups(params, self._turns.together(prompt), generate)) as outputs:
            async for output in outputs:
                now = time.monotonic()
                if stream and came_at:
                    self._count_gaps(now - came_at, output)
                came_at = now
                for piece in output.outputs:
                    forms.feed(piece.index, piece.text, ended=ended_by_itself(piece))
                logprobs = [await token_logprobs(piece, self._tokens) for piece in output.outputs]
                feed(choices, output, logprobs, copies)
                if choices.finished:
                    break
                if stream and choices.has_text and now >= flush_at:
                    yield choices.flush()
                    pause_s = self._settings.stream_interval_s * (EARLY if gather else 1)
                    flush_at = time.monotonic() + pause_s
        yield choices.flush()

    async def _gather(self, prompt: Prompt, interval_s: float | None) -> Gather | None:
        if self._wake_tokens is None:
            return None
        return await self._wake_tokens.gather(prompt, interval_s=interval_s)

    async def _learn(self, character: str, token_ids: list[int]) -> None:
        try:
            async with asyncio.timeout(self._stall_s):
                await engine_gathering.learn(self._running().engine_core, character, token_ids)
        except (TimeoutError, EngineDeadError) as error:
            raise dead() from error

    def _count_gaps(self, since_s: float, output: RequestOutput) -> None:
        """Count the time since the last output once for each token of a choice in this one."""
        tokens = max(len(piece.token_ids) for piece in output.outputs)
        for _ in range(tokens):
            self._gaps.add(since_s / tokens)

    def _ended(self, prompt: Prompt, request_id: str) -> AbstractContextManager[None]:
        """Make vLLM end the request where the caller's part ends; or show us each token."""
        if self._added is None or not is_cut(prompt):
            return nullcontext()
        if comes_by_token(prompt):
            return self._added.told(request_id, keep_apart)
        return self._added.told(request_id, lambda state: end_at(state, AnswerEnd(prompt)))

    def _running(self) -> AsyncLLM:
        if self._llm is None:
            raise NotReady("The captioner is starting.")
        return self._llm

    def _is_full(self, more: int) -> bool:
        """Return whether `more` sequences would fill the engine's batch, but for batches' own."""
        unfinished: int = self._running().get_num_unfinished_requests()
        online = unfinished - self._turns.of_batches
        return online + more >= self._settings.max_num_seqs

    async def _outputs(
        self,
        prompt: Prompt,
        token_ids: list[int],
        params: SamplingParams,
        lora: LoRARequest | None,
    ) -> AsyncGenerator[RequestOutput]:
        # Two callers may send the same id.
        request_id = f"{prompt.request_id}.{next(self._asked)}"
        try:
            async with self._turns.taken(prompt.request_class, params.n) as priority:
                with self._ended(prompt, request_id):
                    async with aclosing(
                        self._running().generate(
                            TokensPrompt(prompt_token_ids=token_ids),
                            params,
                            request_id,
                            lora_request=lora,
                            priority=priority,
                        )
                    ) as outputs:
                        async for output in outputs:
                            yield output
        except VLLMClientError as error:
            raise InvalidValue("The model cannot take these parameters.") from error
        except EngineDeadError as error:
            raise dead() from error
        except EngineGenerateError as error:
            raise EngineFailure("The captioner failed on this request.") from error
