"""CaptionRequest → the HTTP answer of a generation, counted and logged.

Not here: the routes (gateway.routes), what the body asks for (wire.parse and others).
"""

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

from fastapi import Request
from starlette.responses import Response, StreamingResponse

from caption_studio.errors import CaptionStudioError, ContentFlagged
from caption_studio.gateway.byte_budget import HELD
from caption_studio.gateway.keys import ApiKey
from caption_studio.gateway.picture_files import PictureFiles
from caption_studio.gateway.request_class import class_of
from caption_studio.observability.metrics import STAGES, Metrics
from caption_studio.pipeline import CaptionPipeline
from caption_studio.protocols import AliasCatalog, VoiceCatalog
from caption_studio.records import CaptionRequest, Marks
from caption_studio.voices.aliases import answering
from caption_studio.wire.render import Rendering
from caption_studio.wire.rendering import Counted, shown_confidence

Render = Callable[..., Counted]
"""Request and answer → the rendering of the endpoint that was asked."""

STREAM = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""Tells proxies on the way neither to cache nor to buffer a stream."""

SHOW_TIMES = "x-stage-times"
"""The request header that, with the value 1, adds each stage's time to the answer."""


class Generation:
    """Answers requests over one pipeline."""

    def __init__(
        self,
        pipeline: CaptionPipeline,
        voices: VoiceCatalog,
        aliases: AliasCatalog,
        metrics: Metrics,
        files: PictureFiles,
    ) -> None:
        self._pipeline = pipeline
        self._voices = voices
        self._aliases = aliases
        self._metrics = metrics
        self._files = files

    async def answer(
        self, request: Request, asked: CaptionRequest, render: Render = Rendering
    ) -> Response:
        """Return the answer, whole or as a stream, once its first piece is there.

        Where the request names an alias, all that follows is said of the model that answers.
        """
        if traceparent := request.scope.get("caption_studio.traceparent"):
            asked = replace(asked, traceparent=traceparent)
        asked = replace(asked, request_class=class_of(request.scope))
        log = request.scope["caption_studio.log"]
        log.update(images=len(asked.images), stream=asked.stream)
        asked = await self._without_alias(asked, request)
        log["model"] = asked.model
        asked = await self._files.read(asked, request)
        under_way = self._pipeline.answer(asked, on_loaded=request.scope[HELD].let_go)
        asked = replace(asked, images=())  # the pipeline has the only references, and drops them
        try:
            answer = await under_way
        except CaptionStudioError as error:
            if asked.model not in self._model_ids():
                del log["model"]  # a client may have written anything there
            if isinstance(error, ContentFlagged):
                self._count_refused(asked.model, error, log)
            raise
        request.scope["caption_studio.queued"] = answer.queued
        self._metrics.descriptions(answer.lookups)
        if (seen := answer.description) is not None:
            log.update(confidence=shown_confidence(seen), familiar=seen.familiar)
        if asked.stream:
            waited_s = time.monotonic() - request.scope["caption_studio.started_s"]
            self._metrics.first_token(asked.model, waited_s)
        rendering = render(asked, answer, show_times=request.headers.get(SHOW_TIMES) == "1")
        if asked.stream:
            return StreamingResponse(
                _counted(rendering, self._metrics, log),
                headers=STREAM,
                media_type="text/event-stream",
            )
        try:
            return Response(await rendering.whole(), media_type="application/json")
        finally:
            _count(rendering, self._metrics, log)

    async def _without_alias(self, asked: CaptionRequest, request: Request) -> CaptionRequest:
        """Return the request for the model that answers. Raises `ModelNotFound`, `NotReady`."""
        alias = await self._aliases.find(asked.model)
        if alias is None:
            return asked
        who = _caller(asked, request.scope.get("caption_studio.key"))
        model = await answering(alias, who, self._voices)
        request.scope["caption_studio.log"]["alias"] = alias.id
        self._metrics.aliased(alias.id, model)
        return replace(asked, model=model)

    def _count_refused(self, model: str, error: ContentFlagged, log: dict[str, Any]) -> None:
        prompt, completion = error.prompt_tokens, error.completion_tokens
        self._metrics.tokens(model, prompt=prompt, completion=completion)
        self._metrics.marks(model, Marks(flagged=("refused",)))
        log.update(prompt_tokens=prompt, completion_tokens=completion)

    def _model_ids(self) -> set[str]:
        return {voice.id for voice in self._voices.listed()}


def _caller(asked: CaptionRequest, key: ApiKey | None) -> str:
    """Return to whom an alias is held: the caller's user, else the key, else this request."""
    if asked.user is not None:
        return f"user {asked.user}"
    if key is not None:
        return f"key {key.name or key.digest.hex()}"
    return f"request {asked.request_id}"


async def _counted(
    rendering: Counted, metrics: Metrics, log: dict[str, Any]
) -> AsyncIterator[bytes]:
    try:
        async for event in rendering.events():
            yield event
    finally:
        _count(rendering, metrics, log)


def _count(rendering: Counted, metrics: Metrics, log: dict[str, Any]) -> None:
    usage = rendering.usage
    metrics.tokens(rendering.model, prompt=usage.prompt_tokens, completion=usage.completion_tokens)
    metrics.stages(rendering.times, has_picture=rendering.has_picture)
    for choice in rendering.choices:
        if choice.marks is not None:
            metrics.marks(rendering.model, choice.marks)
    log.update(prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens)
    log.update((name, getattr(rendering.times, name)) for name in STAGES)
    if rendering.failure is not None:
        log["error_code"] = rendering.failure.code
