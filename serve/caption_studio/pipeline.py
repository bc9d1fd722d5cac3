"""The story on one page: CaptionRequest → Answer.

A picture is loaded, described and put into the captioning prompt; the captioner writes.
Text without a picture goes to the captioner as it is. Nothing here knows HTTP, Ray, torch
or vLLM: the three stages and the catalog of adapters come as arguments (protocols).
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Literal, TypeVar

from caption_studio.errors import ContextLengthExceeded, EngineFailure
from caption_studio.language import prompt as prompts
from caption_studio.protocols import AdapterCatalog, Captioner, Describer, ImageLoader, Stage
from caption_studio.records import (
    Adapter,
    Answer,
    CaptionDelta,
    CaptionRequest,
    Description,
    Pixels,
    Prompt,
    StageTimes,
)

DeltaGroup = tuple[CaptionDelta, ...]
T = TypeVar("T")
R = TypeVar("R")


class CaptionPipeline:
    """Loads, describes, captions. Holds no state between requests."""

    def __init__(
        self,
        loader: ImageLoader,
        describer: Describer,
        captioner: Captioner,
        adapters: AdapterCatalog,
    ) -> None:
        self._loader = loader
        self._describer = describer
        self._captioner = captioner
        self._adapters = adapters

    async def answer(self, request: CaptionRequest) -> Answer:
        """Return the answer with its first group of deltas in hand.

        Raises `CaptionStudioError`; after this returns, only `Answer.rest` can raise.
        """
        adapter = await self._adapters.resolve(request.model)
        started = time.monotonic()
        pictures = await _all(self._loader.load, request.images)
        loaded = time.monotonic()
        description = await self._describe(request, pictures)
        described = time.monotonic()
        prompt = prompt_for(request, description, adapter)
        deltas = self._captioner.generate(prompt, stream=request.stream)
        first = await _first(deltas, request)
        times = StageTimes(
            intake_s=loaded - started,
            describe_s=described - loaded,
            first_delta_s=time.monotonic() - described,
        )
        return Answer(description, first, deltas, times)

    async def check_ready(self) -> None:
        """Return when both stages can serve; raise `NotReady` when one cannot."""
        stages: tuple[Stage, ...] = (self._describer, self._captioner)
        await _all(lambda stage: stage.check_ready(), stages)

    async def _describe(
        self, request: CaptionRequest, pictures: Sequence[Pixels]
    ) -> Description | None:
        if not pictures:
            return None

        async def describe(pixels: Pixels) -> Description:
            return await self._describer.describe(pixels, request_id=request.request_id)

        return prompts.join_descriptions(await _all(describe, pictures))


def prompt_for(
    request: CaptionRequest, description: Description | None, adapter: Adapter | None
) -> Prompt:
    """Return what the captioner is to continue: a caption, a conversation or plain text."""
    answer: Literal["quoted", "verbatim"] = "verbatim"
    stop: tuple[str, ...] = ()
    if description is not None:
        text, answer = prompts.caption_prompt(description, request.turns), "quoted"
    elif request.endpoint == "chat":
        text, stop = prompts.chat_prompt(request.turns), prompts.CHAT_STOP
    else:
        text = "".join(turn.text for turn in request.turns)
    return Prompt(request.request_id, request.model, text, request.sampling, answer, stop, adapter)


async def _all(work: Callable[[T], Awaitable[R]], items: Sequence[T]) -> list[R]:
    """Do `work` on all items at once; the first failure cancels the others."""

    async def one(item: T) -> R:
        return await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(item)) for item in items]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]


async def _first(deltas: AsyncGenerator[DeltaGroup], request: CaptionRequest) -> DeltaGroup:
    """Wait for the first group, so that what fails before it fails before the answer."""
    try:
        return await anext(deltas)
    except ContextLengthExceeded as error:
        error.param = "messages" if request.endpoint == "chat" else "prompt"
        raise
    except StopAsyncIteration:
        raise EngineFailure("The captioner ended without an answer.") from None
