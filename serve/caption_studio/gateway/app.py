"""Pipeline → ASGI application."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version

from fastapi import FastAPI
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from caption_studio.errors import CaptionStudioError
from caption_studio.gateway import authentication, openapi, path_parameters
from caption_studio.gateway.admin import Administration, create_admin_router
from caption_studio.gateway.admission import Admission
from caption_studio.gateway.authentication import Keys
from caption_studio.gateway.browsers import BrowserGuard
from caption_studio.gateway.byte_budget import BodyBytes, ByteBudget
from caption_studio.gateway.cors import cors
from caption_studio.gateway.error_responses import on_error, on_http_exception
from caption_studio.gateway.followed_keys import FollowedKeys
from caption_studio.gateway.generation import Generation
from caption_studio.gateway.http_methods import HeadAsGet
from caption_studio.gateway.limits.limiter import Limiter
from caption_studio.gateway.limits.middleware import RateLimits
from caption_studio.gateway.middleware import Failures, RequestContext
from caption_studio.gateway.page import create_page_router
from caption_studio.gateway.routes import create_router
from caption_studio.gateway.service_routes import Exposition, create_service_router
from caption_studio.gateway.traces import Traced
from caption_studio.observability.metrics import Metrics
from caption_studio.observability.tracing import Tracing
from caption_studio.pipeline import CaptionPipeline
from caption_studio.protocols import AliasCatalog, VoiceCatalog
from caption_studio.settings import GatewaySettings, Settings
from caption_studio.wire.admin import AdapterRequest
from caption_studio.wire.admin_aliases import AliasRequest
from caption_studio.wire.admin_voices import VoiceRequest
from caption_studio.wire.responses_schema import ResponsesRequest
from caption_studio.wire.schema import ChatRequest, CompletionRequest

logger = logging.getLogger(__name__)

Resources = Callable[[], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the gateway is put together from.

    `resources` is entered at start-up and left at shutdown. `metrics` are counted, `exposition` is
    what GET /metrics shows, `tracing` makes spans of requests (None: tracing is off). With
    `administration` there are routes that change the adapters, voices and aliases. `limiter` knows
    each key's limits and usage (None: there are no keys). `proxy_echoes_id` is that of
    `middleware.RequestContext`, `only_loopback_hosts` that of `browsers.BrowserGuard`.
    """

    pipeline: CaptionPipeline
    settings: Settings
    resources: Resources
    voices: VoiceCatalog
    aliases: AliasCatalog
    metrics: Metrics
    exposition: Exposition
    tracing: Tracing | None = None
    administration: Administration | None = None
    limiter: Limiter | None = None
    proxy_echoes_id: bool = False
    only_loopback_hosts: bool = False


def create_app(parts: Parts) -> FastAPI:
    """Return the gateway."""
    path_parameters.register()
    settings = parts.settings
    keys = FollowedKeys(settings.gateway, parts.metrics)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with parts.resources(), keys.following():
            yield

    app = FastAPI(
        title="Caption Studio",
        summary="A picture goes in, a caption worth posting comes out.",
        version=version("caption-studio"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # the redirect would lead to whatever host the caller named
        middleware=_middleware(parts, keys),
        exception_handlers={CaptionStudioError: on_error, HTTPException: on_http_exception},
    )
    base = settings.language.weights_id
    if settings.gateway.page:
        app.include_router(create_page_router())
    voices, aliases = parts.voices, parts.aliases
    generation = Generation(parts.pipeline, voices, aliases, parts.metrics)
    app.include_router(create_router(generation, settings))
    app.include_router(
        create_service_router(parts.pipeline, voices, aliases, base, parts.exposition)
    )
    bodies: list[type[BaseModel]] = [ChatRequest, CompletionRequest, ResponsesRequest]
    if parts.administration is not None:
        app.include_router(create_admin_router(parts.administration, settings.gateway, keys))
        bodies += [AdapterRequest, VoiceRequest, AliasRequest]
    openapi.install(app, bodies, open_paths=authentication.OPEN)
    return app


def _middleware(parts: Parts, keys: FollowedKeys) -> list[Middleware]:
    """Return the middleware, the outermost first."""
    edge, tracing, limiter = parts.settings.gateway, parts.tracing, parts.limiter
    return [
        Middleware(RequestContext, metrics=parts.metrics, proxy_echoes_id=parts.proxy_echoes_id),
        *([] if tracing is None else [Middleware(Traced, tracing=tracing)]),
        *cors(edge.cors_origins),
        Middleware(Failures, timeout_s=edge.request_timeout_s),
        _door(edge, keys, only_loopback_hosts=parts.only_loopback_hosts),
        *([] if limiter is None else [Middleware(RateLimits, limiter=limiter)]),
        Middleware(
            Admission,
            max_in_flight=edge.max_in_flight,
            max_predicted_s=edge.max_predicted_s,
            batch_size=parts.settings.batch_size,
        ),
        Middleware(HeadAsGet),
        Middleware(BodyBytes, budget=ByteBudget(edge.max_body_bytes_in_flight)),
    ]


def _door(
    settings: GatewaySettings, keys: FollowedKeys, *, only_loopback_hosts: bool
) -> Middleware:
    """Return the access check: keys if there are any, else the guard against other sites' pages."""
    if settings.has_keys:
        return Middleware(Keys, keys=keys)
    logger.warning("no API keys are configured: whoever reaches the port is served")
    return Middleware(
        BrowserGuard, origins=settings.cors_origins, only_loopback_hosts=only_loopback_hosts
    )
