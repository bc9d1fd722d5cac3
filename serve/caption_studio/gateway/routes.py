"""The documented routes, and no others."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from caption_studio.errors import CaptionStudioError, RouteNotFound
from caption_studio.gateway.body import MULTIPART, media_type, read_json, read_upload
from caption_studio.gateway.byte_budget import HELD
from caption_studio.gateway.openapi import EVENT_STREAM, json_body
from caption_studio.gateway.readiness import SharedCheck
from caption_studio.observability.metrics import CONTENT_TYPE, STAGES, Metrics
from caption_studio.pipeline import CaptionPipeline
from caption_studio.protocols import AdapterCatalog
from caption_studio.records import CaptionRequest
from caption_studio.settings import Settings
from caption_studio.wire.answers import ChatCompletion, Completion, ErrorBody, Model, ModelList
from caption_studio.wire.json_body import JSONBody
from caption_studio.wire.parse import parse_chat, parse_completion, parse_upload
from caption_studio.wire.render import Rendering, model_card, model_list
from caption_studio.wire.rendering import Counted, shown_confidence
from caption_studio.wire.responses_answers import Response as ResponseBody
from caption_studio.wire.responses_parse import REMEDY, parse_responses
from caption_studio.wire.responses_render import ResponsesRendering
from caption_studio.wire.responses_schema import ResponsesRequest
from caption_studio.wire.schema import ChatRequest, CompletionRequest

GUARDED: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody} for status in (401, 403, 429, 500, 504)
}
GENERATION: dict[int | str, dict[str, Any]] = {
    200: EVENT_STREAM,
    **{status: {"model": ErrorBody} for status in (400, 404, 408, 413, 415, 503)},
    **GUARDED,
}

NOT_KEPT: dict[str, Any] = {
    "status_code": 404,
    "response_model": ErrorBody,
    "responses": GUARDED,
}

Render = Callable[..., Counted]
"""Request and answer → the rendering of the endpoint that was asked."""

Exposition = Callable[[], Awaitable[bytes]]
"""Metrics in Prometheus text format."""

STREAM = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""Tells proxies on the way neither to cache nor to buffer a stream."""

SHOW_TIMES = "x-stage-times"
"""The request header that, with the value 1, adds each stage's time to the answer."""


def create_router(
    pipeline: CaptionPipeline,
    adapters: AdapterCatalog,
    settings: Settings,
    metrics: Metrics,
    exposition: Exposition,
) -> APIRouter:
    """Return the service's routes over one pipeline; `exposition` gives what /metrics shows."""
    router = APIRouter()
    started_at = int(time.time())
    check_ready = SharedCheck(pipeline.check_ready)

    def known(request: Request) -> dict[str, Any]:
        return {"request_id": request.scope["caption_studio.request_id"], "settings": settings}

    def model_ids() -> set[str]:
        return {settings.language.weights_id, *(adapter.id for adapter in adapters.listed())}

    async def taken_apart(request: Request) -> JSONBody:
        max_image_bytes = settings.images.max_bytes
        return await read_json(request, settings.gateway, max_image_bytes=max_image_bytes)

    async def generate(
        request: Request, asked: CaptionRequest, render: Render = Rendering
    ) -> Response:
        if traceparent := request.scope.get("caption_studio.traceparent"):
            asked = replace(asked, traceparent=traceparent)
        log = request.scope["caption_studio.log"]
        log.update(model=asked.model, images=len(asked.images), stream=asked.stream)
        under_way = pipeline.answer(asked, on_loaded=request.scope[HELD].let_go)
        asked = replace(asked, images=())  # the pipeline has the only references, and drops them
        try:
            answer = await under_way
        except CaptionStudioError:
            if asked.model not in model_ids():
                del log["model"]  # a client may have written anything there
            raise
        request.scope["caption_studio.queued"] = answer.queued
        metrics.descriptions(answer.lookups)
        if (seen := answer.description) is not None:
            log.update(confidence=shown_confidence(seen), familiar=seen.familiar)
        if asked.stream:
            waited_s = time.monotonic() - request.scope["caption_studio.started_s"]
            metrics.first_token(asked.model, waited_s)
        rendering = render(asked, answer, show_times=request.headers.get(SHOW_TIMES) == "1")
        if asked.stream:
            return StreamingResponse(
                _counted(rendering, metrics, log), headers=STREAM, media_type="text/event-stream"
            )
        try:
            return Response(await rendering.whole(), media_type="application/json")
        finally:
            _count(rendering, metrics, log)

    @router.post(
        "/v1/chat/completions",
        summary="Caption the pictures of a conversation, or go on with one without pictures",
        response_model=ChatCompletion,
        responses=GENERATION,
        openapi_extra=json_body(ChatRequest, upload=False),
    )
    async def chat_completions(request: Request) -> Response:
        return await generate(request, parse_chat(await taken_apart(request), **known(request)))

    @router.post(
        "/v1/completions",
        summary="Caption a picture, or continue a text",
        response_model=Completion,
        responses=GENERATION,
        openapi_extra=json_body(CompletionRequest, upload=True),
    )
    async def completions(request: Request) -> Response:
        if media_type(request) == MULTIPART:
            upload = await read_upload(
                request, settings.gateway, max_image_bytes=settings.images.max_bytes
            )
            asked = parse_upload(upload.fields, upload.images, **known(request))
            del upload
        else:
            asked = parse_completion(await taken_apart(request), **known(request))
        under_way = generate(request, asked)
        del asked
        return await under_way

    @router.post(
        "/v1/responses",
        summary="Caption the pictures of a conversation, or go on with one without; stateless",
        response_model=ResponseBody,
        responses=GENERATION,
        openapi_extra=json_body(ResponsesRequest, upload=False),
    )
    async def responses(request: Request) -> Response:
        asked = parse_responses(await taken_apart(request), **known(request))
        render = partial(ResponsesRendering, asked.body)
        under_way = generate(request, asked.request, render)
        del asked
        return await under_way

    @router.get("/v1/responses/{response_id}", summary="Not there: none is kept", **NOT_KEPT)
    @router.delete("/v1/responses/{response_id}", summary="Not there: none is kept", **NOT_KEPT)
    async def one_response(response_id: str) -> Response:
        raise RouteNotFound(f"No response is kept here. {REMEDY}.", param="response_id")

    @router.get("/v1/models", summary="The base model and its adapters", responses=GUARDED)
    async def models() -> ModelList:
        return model_list(settings.language.weights_id, adapters.listed(), created=started_at)

    @router.get(
        "/v1/models/{model:id}",
        summary="One of them",
        responses={404: {"model": ErrorBody}, 503: {"model": ErrorBody}, **GUARDED},
    )
    async def one_model(model: str) -> Model:
        await adapters.resolve(model)
        return model_card(settings.language.weights_id, model, created=started_at)

    @router.get("/health", summary="The same, as other servers call it")
    @router.get("/healthz", summary="The process is up")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz", summary="Both stages can serve", responses={503: {"model": ErrorBody}})
    async def readyz() -> dict[str, str]:
        await check_ready()
        return {"status": "ready"}

    @router.get(
        "/metrics",
        summary="Prometheus metrics",
        response_class=PlainTextResponse,
        responses=GUARDED,
    )
    async def prometheus() -> Response:
        return Response(await exposition(), headers={"content-type": CONTENT_TYPE})

    return router


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
    log.update(prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens)
    log.update((name, getattr(rendering.times, name)) for name in STAGES)
    if rendering.failure is not None:
        log["error_code"] = rendering.failure.code
