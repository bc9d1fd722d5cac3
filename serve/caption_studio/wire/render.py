"""Answer → OpenAI JSON, whole or as server-sent events; errors → the error body.

Chunk order is the official one: for each choice its role, then its text, then its `finish_reason`.
The chunk that ends the last choice brings the caption's parts. Then, where asked for, our stage
times and the usage, each with no choices; then `[DONE]`.
"""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import asdict, replace
from typing import Any

from pydantic import BaseModel

from caption_studio.errors import CaptionStudioError
from caption_studio.records import (
    Adapter,
    Answer,
    CaptionDelta,
    CaptionRequest,
    Description,
    StageTimes,
)
from caption_studio.wire.answers import (
    CaptionBody,
    CaptionStudio,
    Model,
    ModelList,
    StageTimesBody,
    Usage,
)
from caption_studio.wire.dialects import ChatDialect, CompletionDialect, Dialect, WholeChoice
from caption_studio.wire.error_body import error_body
from caption_studio.wire.parts import alt_text, caption_parts

DONE = b"data: [DONE]\n\n"


class Rendering:
    """One answer, written in the dialect of the endpoint that was asked.

    `usage` counts while the deltas pass, for the metrics too; `failure` is what ended a
    stream early. `times` are complete when the last delta has passed; `show_times` puts them
    into the answer, in a stream into a chunk of its own before the end.
    """

    def __init__(
        self, request: CaptionRequest, answer: Answer, *, show_times: bool = False
    ) -> None:
        dialect = ChatDialect if request.endpoint == "chat" else CompletionDialect
        self._dialect: Dialect = dialect(request.sampling.top_logprobs)
        self._request = request
        self._answer = answer
        self._created = int(time.time())
        self._prompt_tokens = 0
        self._completion_tokens = 0
        self._choices = [WholeChoice(index) for index in range(request.sampling.n)]
        self._unfinished = request.sampling.n
        self._show_times = show_times
        self.times = answer.times
        self.model = request.model
        self.has_picture = bool(request.images)
        self.failure: CaptionStudioError | None = None

    @property
    def usage(self) -> Usage:
        """Tokens of the deltas that have passed."""
        return Usage(
            prompt_tokens=self._prompt_tokens,
            completion_tokens=self._completion_tokens,
            total_tokens=self._prompt_tokens + self._completion_tokens,
        )

    async def whole(self) -> bytes:
        """Return the JSON body. Raises `CaptionStudioError`."""
        async for _ in self._deltas():
            pass
        rendered = [self._dialect.whole_choice(choice) for choice in self._choices]
        about = self._about(description=True, parts=True, times=self._show_times)
        return self._body(self._dialect.whole, rendered, usage=self.usage, about=about)

    async def events(self) -> AsyncIterator[bytes]:
        """Yield server-sent events. A failure is an error event, and the end."""
        about = self._about(description=True)
        try:
            async for delta in self._deltas():
                choices = self._dialect.chunk_choices(delta)
                for choice in choices:
                    if choice is choices[-1] and not self._unfinished:
                        about = self._about(description=about is not None, parts=True)
                    yield _event(self._body(self._dialect.chunk, [choice], about=about))
                    about = None
            if self._show_times:
                about = self._about(times=True)
                yield _event(self._body(self._dialect.chunk, [], about=about))
            if self._request.include_usage:
                yield _event(self._body(self._dialect.chunk, [], usage=self.usage))
            yield DONE
        except CaptionStudioError as error:
            self.failure = error
            yield error_event(error)

    async def _deltas(self) -> AsyncIterator[CaptionDelta]:
        started_s = time.monotonic()
        async with aclosing(self._answer.rest) as rest:
            for delta in self._answer.first:
                yield self._counted(delta)
            async for group in rest:
                for delta in group:
                    yield self._counted(delta)
        self.times = replace(self._answer.times, generate_s=time.monotonic() - started_s)

    def _counted(self, delta: CaptionDelta) -> CaptionDelta:
        self._prompt_tokens = delta.prompt_tokens
        self._completion_tokens += delta.completion_tokens
        self._choices[delta.index].add(delta)
        self._unfinished -= delta.finish_reason is not None
        return delta

    def _about(
        self, *, description: bool = False, parts: bool = False, times: bool = False
    ) -> CaptionStudio | None:
        """Return what of our own field there is to say; None: nothing."""
        seen = self._answer.description
        if seen is None or not (description or parts):
            return CaptionStudio(stage_times=_stage_times(self.times)) if times else None
        return CaptionStudio(
            description=seen.text if description else None,
            **(self._parts(seen) if parts else {}),
            stage_times=_stage_times(self.times) if times else None,
        )

    def _parts(self, seen: Description) -> dict[str, Any]:
        """Return the parts of a finished answer; a structured one has no caption of ours."""
        about: dict[str, Any] = {
            "alt_text": alt_text(seen.text) or None,
            "adapter": self._answer.adapter,
        }
        if self._request.sampling.structure is not None:
            return about
        captions = [
            CaptionBody(index=choice.index, **asdict(caption_parts(choice.text)))
            for choice in self._choices
        ]
        return {
            **about,
            "caption": captions[0].caption,
            "hashtags": captions[0].hashtags,
            "captions": captions if len(captions) > 1 else None,
        }

    def _body(
        self,
        kind: type[BaseModel],
        choices: Sequence[BaseModel],
        *,
        usage: Usage | None = None,
        about: CaptionStudio | None = None,
    ) -> bytes:
        """Return one JSON object; `usage` stays out of chunks unless it was asked for."""
        body = kind(
            id=f"{self._dialect.id_prefix}-{self._request.request_id}",
            created=self._created,
            model=self.model,
            choices=choices,
            usage=usage,
            caption_studio=about,
        )
        absent = {"caption_studio"} if about is None else set()
        if usage is None and not self._request.include_usage:
            absent.add("usage")
        return body.model_dump_json(exclude=absent).encode()


def _stage_times(times: StageTimes) -> StageTimesBody:
    return StageTimesBody(**asdict(times))


def error_event(error: CaptionStudioError) -> bytes:
    """Return the event that ends a stream which failed."""
    return _event(error_body(error))


def model_list(base: str, adapters: Sequence[Adapter], *, created: int) -> ModelList:
    """Return the base model and its adapters. `created` is Unix time."""
    ids = (base, *(adapter.id for adapter in adapters))
    return ModelList(data=[model_card(base, model_id, created=created) for model_id in ids])


def model_card(base: str, model_id: str, *, created: int) -> Model:
    """Return one of them."""
    return Model(id=model_id, created=created, root=base, parent=None if model_id == base else base)


def _event(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"
