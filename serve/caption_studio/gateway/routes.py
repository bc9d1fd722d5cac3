"""The documented routes, and no others."""

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from caption_studio.gateway.body import read_json_body
from caption_studio.observability.metrics import CONTENT_TYPE, Metrics
from caption_studio.pipeline import CaptionPipeline
from caption_studio.records import CaptionRequest
from caption_studio.settings import Settings
from caption_studio.wire.parse import parse_chat, parse_completion
from caption_studio.wire.render import Rendering, model_list
from caption_studio.wire.schema import (
    ChatCompletion,
    ChatRequest,
    Completion,
    CompletionRequest,
    ErrorBody,
    ModelList,
)

Parse = Callable[..., CaptionRequest]

ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody} for status in (400, 404, 408, 413, 415, 429, 500, 503, 504)
}


def create_router(pipeline: CaptionPipeline, settings: Settings, metrics: Metrics) -> APIRouter:
    """Return the service's routes over one pipeline."""
    router = APIRouter()
    started_at = int(time.time())

    async def generate(request: Request, parse: Parse) -> Response:
        body = await read_json_body(request, settings.gateway)
        asked = parse(
            body, request_id=request.scope["caption_studio.request_id"], settings=settings
        )
        answer = await pipeline.answer(asked)
        log = request.scope["caption_studio.log"]
        log.update(
            model=asked.model,
            images=len(asked.images),
            stream=asked.stream,
            intake_s=answer.times.intake_s,
            describe_s=answer.times.describe_s,
            first_delta_s=answer.times.first_delta_s,
        )
        metrics.stages(answer.times, has_picture=bool(asked.images))
        rendering = Rendering(asked, answer)
        if asked.stream:
            return StreamingResponse(
                _counted(rendering, metrics, log), media_type="text/event-stream"
            )
        try:
            return Response(await rendering.whole(), media_type="application/json")
        finally:
            _count(rendering, metrics, log)

    @router.post(
        "/v1/chat/completions",
        summary="Caption the pictures of a conversation, or go on with one without pictures",
        response_model=ChatCompletion,
        responses=ERRORS,
        openapi_extra=_body(ChatRequest),
    )
    async def chat_completions(request: Request) -> Response:
        return await generate(request, parse_chat)

    @router.post(
        "/v1/completions",
        summary="Caption a picture, or continue a text",
        response_model=Completion,
        responses=ERRORS,
        openapi_extra=_body(CompletionRequest),
    )
    async def completions(request: Request) -> Response:
        return await generate(request, parse_completion)

    @router.get("/v1/models", summary="The base model and its adapters")
    async def models() -> ModelList:
        return model_list(settings, created=started_at)

    @router.get("/healthz", summary="The process is up")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz", summary="Both stages can serve", responses={503: {"model": ErrorBody}})
    async def readyz() -> dict[str, str]:
        await pipeline.check_ready()
        return {"status": "ready"}

    @router.get("/metrics", summary="Prometheus metrics of this replica")
    async def prometheus() -> Response:
        return Response(metrics.exposition(), headers={"content-type": CONTENT_TYPE})

    return router


async def _counted(
    rendering: Rendering, metrics: Metrics, log: dict[str, Any]
) -> AsyncIterator[bytes]:
    try:
        async for event in rendering.events():
            yield event
    finally:
        _count(rendering, metrics, log)


def _count(rendering: Rendering, metrics: Metrics, log: dict[str, Any]) -> None:
    usage = rendering.usage
    metrics.tokens(rendering.model, prompt=usage.prompt_tokens, completion=usage.completion_tokens)
    log.update(prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens)
    if rendering.failure is not None:
        log["error_code"] = rendering.failure.code


def _body(model: type[ChatRequest | CompletionRequest]) -> dict[str, Any]:
    """Document the body that wire.parse reads: FastAPI would answer a bad one with 422."""
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": model.model_json_schema()}},
        }
    }
