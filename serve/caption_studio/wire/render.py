"""Answer → OpenAI JSON, whole or as server-sent events; errors → the error body.

Chunk order is the official one: for each choice its role, then its text, then its
`finish_reason`; then, where asked for, the usage with no choices; then `[DONE]`.
"""

import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from pydantic import BaseModel

from caption_studio.errors import CaptionStudioError
from caption_studio.records import Answer, CaptionDelta, CaptionRequest, FinishReason
from caption_studio.settings import Settings
from caption_studio.wire.schema import (
    AnswerMessage,
    CaptionStudio,
    ChatChoice,
    ChatCompletion,
    ChatCompletionChunk,
    ChunkChoice,
    Completion,
    Delta,
    ErrorBody,
    ErrorDetail,
    Model,
    ModelList,
    TextChoice,
    Usage,
)

DONE = b"data: [DONE]\n\n"


class Rendering:
    """One answer, written in the dialect of the endpoint that was asked.

    `usage` counts while the deltas pass, for the metrics too.
    """

    def __init__(self, request: CaptionRequest, answer: Answer) -> None:
        self._request = request
        self._answer = answer
        prefix = "chatcmpl" if request.endpoint == "chat" else "cmpl"
        self._head: dict[str, Any] = {
            "id": f"{prefix}-{request.request_id}",
            "created": int(time.time()),
            "model": request.model,
        }
        self.model = request.model
        self.failure: CaptionStudioError | None = None  # what ended the stream early
        self._opened: set[int] = set()  # choices whose role has been sent
        self._prompt_tokens = 0
        self._completion_tokens = 0

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
        texts = [""] * self._request.sampling.n
        reasons: list[FinishReason] = ["stop"] * self._request.sampling.n
        async for delta in self._deltas():
            texts[delta.index] += delta.text
            reasons[delta.index] = delta.finish_reason or reasons[delta.index]
        choices = list(zip(range(len(texts)), texts, reasons, strict=True))
        body: ChatCompletion | Completion
        if self._request.endpoint == "chat":
            body = ChatCompletion(
                **self._head,
                choices=[
                    ChatChoice(index=i, message=AnswerMessage(content=text), finish_reason=reason)
                    for i, text, reason in choices
                ],
                usage=self.usage,
                caption_studio=self._seen(),
            )
        else:
            body = Completion(
                **self._head,
                choices=[
                    TextChoice(index=i, text=text, finish_reason=reason)
                    for i, text, reason in choices
                ],
                usage=self.usage,
                caption_studio=self._seen(),
            )
        return _json(body, {"caption_studio"} if body.caption_studio is None else set())

    async def events(self) -> AsyncIterator[bytes]:
        """Yield server-sent events. A failure is an error event, and the end."""
        seen = self._seen()
        try:
            async for delta in self._deltas():
                for choice in self._choice_chunks(delta):
                    yield self._event([choice], seen=seen)
                    seen = None
            if self._request.include_usage:
                yield self._event([], usage=self.usage)
            yield DONE
        except CaptionStudioError as error:
            self.failure = error
            yield sse_error(error)

    async def _deltas(self) -> AsyncIterator[CaptionDelta]:
        async with aclosing(self._answer.rest) as rest:
            for delta in self._answer.first:
                yield self._counted(delta)
            async for group in rest:
                for delta in group:
                    yield self._counted(delta)

    def _counted(self, delta: CaptionDelta) -> CaptionDelta:
        self._prompt_tokens = delta.prompt_tokens
        self._completion_tokens += delta.completion_tokens
        return delta

    def _seen(self) -> CaptionStudio | None:
        description = self._answer.description
        return None if description is None else CaptionStudio(description=description.text)

    def _choice_chunks(self, delta: CaptionDelta) -> list[ChunkChoice] | list[TextChoice]:
        index, reason = delta.index, delta.finish_reason
        if self._request.endpoint == "completion":
            return [TextChoice(index=index, text=delta.text, finish_reason=reason)]
        chunks = []
        if index not in self._opened:
            self._opened.add(index)
            chunks.append(ChunkChoice(index=index, delta=Delta(role="assistant", content="")))
        if delta.text:
            chunks.append(ChunkChoice(index=index, delta=Delta(content=delta.text)))
        if reason is not None:
            chunks.append(ChunkChoice(index=index, delta=Delta(), finish_reason=reason))
        return chunks

    def _event(
        self, choices: list[Any], *, seen: CaptionStudio | None = None, usage: Usage | None = None
    ) -> bytes:
        kind = ChatCompletionChunk if self._request.endpoint == "chat" else Completion
        chunk = kind(**self._head, choices=choices, usage=usage, caption_studio=seen)
        absent = set() if self._request.include_usage else {"usage"}
        if seen is None:
            absent.add("caption_studio")
        return _sse(_json(chunk, absent))


def error_body(error: CaptionStudioError) -> bytes:
    """Return the error's JSON body, all four keys."""
    detail = ErrorDetail(message=error.message, type=error.type, param=error.param, code=error.code)
    return ErrorBody(error=detail).model_dump_json().encode()


def sse_error(error: CaptionStudioError) -> bytes:
    """Return the event that ends a stream which failed."""
    return _sse(error_body(error))


def model_list(settings: Settings, *, created: int) -> ModelList:
    """Return the base model and its adapters. `created` is Unix time."""
    base = settings.language.id
    return ModelList(
        data=[
            Model(id=id_, created=created, root=base, parent=None if id_ == base else base)
            for id_ in settings.model_ids
        ]
    )


def _json(body: BaseModel, absent: set[str]) -> bytes:
    return body.model_dump_json(exclude=absent).encode()


def _sse(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"
