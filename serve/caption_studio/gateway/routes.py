"""The documented routes that generate text, and no others.

Not here: models, health and metrics (gateway.service_routes), administrators' routes
(gateway.admin), the page (gateway.page).
"""

from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from caption_studio.errors import RouteNotFound
from caption_studio.gateway.body import MULTIPART, media_type, read_json, read_upload
from caption_studio.gateway.generation import Generation
from caption_studio.gateway.openapi import EVENT_STREAM, GUARDED, json_body
from caption_studio.settings import Settings
from caption_studio.wire.answers import ChatCompletion, Completion, ErrorBody
from caption_studio.wire.completions_parse import parse_completion, parse_upload
from caption_studio.wire.json_body import JSONBody
from caption_studio.wire.parse import parse_chat
from caption_studio.wire.responses_answers import Response as ResponseBody
from caption_studio.wire.responses_parse import REMEDY, parse_responses
from caption_studio.wire.responses_render import ResponsesRendering
from caption_studio.wire.responses_schema import ResponsesRequest
from caption_studio.wire.schema import ChatRequest, CompletionRequest

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


def create_router(generation: Generation, settings: Settings) -> APIRouter:
    """Return the routes over one pipeline."""
    router = APIRouter()

    def known(request: Request) -> dict[str, Any]:
        return {"request_id": request.scope["caption_studio.request_id"], "settings": settings}

    async def taken_apart(request: Request) -> JSONBody:
        max_image_bytes = settings.images.max_bytes
        return await read_json(request, settings.gateway, max_image_bytes=max_image_bytes)

    @router.post(
        "/v1/chat/completions",
        summary="Caption the pictures of a conversation, or go on with one without pictures",
        response_model=ChatCompletion,
        responses=GENERATION,
        openapi_extra=json_body(ChatRequest, upload=False),
    )
    async def chat_completions(request: Request) -> Response:
        return await generation.answer(
            request, parse_chat(await taken_apart(request), **known(request))
        )

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
        under_way = generation.answer(request, asked)
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
        under_way = generation.answer(request, asked.request, render)
        del asked
        return await under_way

    @router.get("/v1/responses/{response_id}", summary="Not there: none is kept", **NOT_KEPT)
    @router.delete("/v1/responses/{response_id}", summary="Not there: none is kept", **NOT_KEPT)
    async def one_response(response_id: str) -> Response:
        raise RouteNotFound(f"No response is kept here. {REMEDY}.", param="response_id")

    return router
