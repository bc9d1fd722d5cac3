"""The routes that tell of the service: its models, its health, its metrics."""

import time
from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from caption_studio.gateway.openapi import GUARDED
from caption_studio.gateway.readiness import SharedCheck
from caption_studio.observability.metrics import CONTENT_TYPE
from caption_studio.pipeline import CaptionPipeline
from caption_studio.protocols import AliasCatalog, VoiceCatalog
from caption_studio.wire.answers import ErrorBody, Model, ModelList
from caption_studio.wire.render import alias_model, model_card, model_list

Exposition = Callable[[], Awaitable[bytes]]
"""Metrics in Prometheus text format."""


def create_service_router(
    pipeline: CaptionPipeline,
    voices: VoiceCatalog,
    aliases: AliasCatalog,
    base: str,
    exposition: Exposition,
) -> APIRouter:
    """Return the routes; `base` is the id of the model without an adapter."""
    router = APIRouter()
    started_at = int(time.time())
    check_ready = SharedCheck(pipeline.check_ready)

    @router.get(
        "/v1/models", summary="The base model, adapters, voices and aliases", responses=GUARDED
    )
    async def models() -> ModelList:
        return model_list(base, voices.listed(), aliases.listed(), created=started_at)

    @router.get(
        "/v1/models/{model:id}",
        summary="One of them",
        responses={404: {"model": ErrorBody}, 503: {"model": ErrorBody}, **GUARDED},
    )
    async def one_model(model: str) -> Model:
        if (alias := await aliases.find(model)) is not None:
            return alias_model(base, alias, created=started_at)
        return model_card(base, await voices.resolve(model), created=started_at)

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
