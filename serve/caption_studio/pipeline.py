"""The story on one page: CaptionRequest → Answer.

A picture is loaded, described and put into its voice's prompt; the captioner writes, and the
caption is held to what was asked for. Text without a picture goes to the captioner as it is.
Nothing here knows HTTP, Ray, torch or vLLM: the three stages, the catalogs of adapters and voices,
the guard and the check of structures come as arguments (protocols).
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from caption_studio.errors import (
    ContextLengthExceeded,
    DeadlineExceeded,
    EngineFailure,
    InvalidValue,
)
from caption_studio.language.prompt import join_descriptions
from caption_studio.merging import merged
from caption_studio.prompts import picture_prompt, text_prompt
from caption_studio.protocols import (
    AdapterCatalog,
    Captioner,
    Describer,
    Guard,
    ImageLoader,
    Stage,
    Structures,
    VoiceCatalog,
)
from caption_studio.records import (
    Adapter,
    Answer,
    CaptionRequest,
    DeltaGroup,
    Description,
    Loaded,
    Picture,
    Prompt,
    Sampling,
    Structure,
    Voice,
)
from caption_studio.stage_times import Seen, times_of, waited, waited_for_others
from caption_studio.voices.checked import Asked, held_back, marked
from caption_studio.voices.defaults import holds_back, refuse_controls, with_defaults

TEXT_PARAMS = {"chat": "messages", "completion": "prompt", "responses": "input"}
"""The field with an endpoint's text."""

T = TypeVar("T")
R = TypeVar("R")


class CaptionPipeline:
    """Loads, describes, captions. Holds no state between requests.

    A request's pictures must be described in `describe_timeout_s`, because the caption needs time
    too. Each fetch and each decode has its own deadline within that, in the loader.
    """

    def __init__(
        self,
        loader: ImageLoader,
        describer: Describer,
        captioner: Captioner,
        adapters: AdapterCatalog,
        structures: Structures,
        voices: VoiceCatalog,
        guard: Guard,
        *,
        describe_timeout_s: float,
    ) -> None:
        self._loader = loader
        self._describer = describer
        self._captioner = captioner
        self._adapters = adapters
        self._structures = structures
        self._voices = voices
        self._guard = guard
        self._describe_timeout_s = describe_timeout_s

    async def answer(
        self, request: CaptionRequest, on_loaded: Callable[[], None] = lambda: None
    ) -> Answer:
        """Return the answer with its first group of deltas in hand.

        The request's pictures are dropped as soon as they are decoded, and `on_loaded` is called:
        the models do not need these megabytes.

        Raises `CaptionStudioError`; after this returns, only `Answer.rest` can raise.
        """
        images, request = list(request.images), replace(request, images=())
        voice = await self._voices.resolve(request.model)
        adapter = await self._adapters.resolve(voice.adapter)
        if images:
            request = with_defaults(request, voice)
        else:
            refuse_controls(request.controls)
        request = await self._with_structure_checked(request)
        pictures, seen = await self._see(request, images, on_loaded) if images else ([], [])
        description = join_descriptions([one.description for one in seen]) if seen else None
        asked_s = time.monotonic()
        if description is None:
            deltas = self._generate(text_prompt(request, adapter), request)
        else:
            deltas = self._caption(request, description, voice, adapter)
        first = await _first(deltas, request)
        times = times_of(pictures, seen, first_delta_s=time.monotonic() - asked_s)
        lookups = tuple(one.described.cache for one in seen)
        wrote = None if adapter is None else adapter.id
        queued = (
            waited_for_others(pictures, times)
            or any(waited(one.described) for one in seen)
            or any(one.queued for one in first)
        )
        return Answer(description, first, deltas, times, lookups, wrote, queued)

    async def check_ready(self) -> None:
        """Return when both stages can serve; raise `NotReady` when one cannot."""
        stages: tuple[Stage, ...] = (self._describer, self._captioner)
        await _all(lambda stage: stage.check_ready(), stages)

    def _caption(
        self,
        request: CaptionRequest,
        description: Description,
        voice: Voice,
        adapter: Adapter | None,
    ) -> AsyncGenerator[DeltaGroup]:
        """Write the captions of a picture, held to the voice and to the request's controls."""
        prompt = picture_prompt(request, description, voice, adapter)
        asked = Asked(voice, request.controls, description, request.sampling)
        if not holds_back(voice, request.controls):
            deltas = self._captioner.generate(prompt, stream=request.stream)
            return marked(deltas, asked, self._guard)

        def again(sampling: Sampling) -> AsyncGenerator[DeltaGroup]:
            second = replace(prompt, request_id=f"{prompt.request_id}-again", sampling=sampling)
            return self._captioner.generate(second, stream=False)

        deltas = self._captioner.generate(prompt, stream=False)
        return held_back(deltas, asked, self._guard, again)

    def _generate(self, prompt: Prompt, request: CaptionRequest) -> AsyncGenerator[DeltaGroup]:
        if len(request.prompts) < 2:
            return self._captioner.generate(prompt, stream=request.stream)
        parts = [
            replace(prompt, request_id=f"{prompt.request_id}-{index}", text=text)
            for index, text in enumerate(request.prompts)
        ]
        answers = [self._captioner.generate(part, stream=request.stream) for part in parts]
        return merged(answers, choices_each=request.sampling.n)

    async def _with_structure_checked(self, request: CaptionRequest) -> CaptionRequest:
        """Return the request with a form that the captioner can obey."""
        structure = request.sampling.structure
        if structure is None:
            return request
        try:
            await self._structures.check(structure)
        except InvalidValue:
            if structure.fallback is None:
                raise
            structure = Structure(structure.fallback, structure.param)
        return replace(request, sampling=replace(request.sampling, structure=structure))

    async def _see(
        self, request: CaptionRequest, images: list[Picture], on_loaded: Callable[[], None]
    ) -> tuple[list[Loaded], list["Seen"]]:
        """Load and describe the pictures; `images` is empty afterwards."""
        try:
            async with asyncio.timeout(self._describe_timeout_s) as deadline:
                try:
                    pictures = await _all(self._loader.load, images)
                finally:
                    images.clear()
                    on_loaded()
                return pictures, await self._describe(request, pictures)
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise DeadlineExceeded("The picture was not described in time.") from error

    async def _describe(self, request: CaptionRequest, pictures: Sequence[Loaded]) -> list["Seen"]:
        async def describe(picture: Loaded) -> Seen:
            asked_s = time.monotonic()
            described = await self._describer.describe(
                picture.pixels,
                request_id=request.request_id,
                traceparent=request.traceparent,
                request_class=request.request_class,
            )
            return Seen(described, total_s=time.monotonic() - asked_s)

        return await _all(describe, pictures)


async def _all(work: Callable[[T], Awaitable[R]], items: Sequence[T]) -> list[R]:
    """Do `work` on all items at once; the first failure cancels the others."""

    async def one(item: T) -> R:
        return await work(item)

    tasks: list[asyncio.Task[R]] = []
    try:
        async with asyncio.TaskGroup() as group:
            tasks += [group.create_task(one(item)) for item in items]
        return [task.result() for task in tasks]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    finally:
        tasks.clear()  # a failed task's error holds this frame, and so the others' results


async def _first(deltas: AsyncGenerator[DeltaGroup], request: CaptionRequest) -> DeltaGroup:
    """Wait for the first group, so that a failure before it comes before the answer."""
    try:
        return await anext(deltas)
    except ContextLengthExceeded as error:
        error.param = TEXT_PARAMS[request.endpoint]
        raise
    except StopAsyncIteration:
        raise EngineFailure("The captioner ended without an answer.") from None
