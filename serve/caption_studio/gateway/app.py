"""Pipeline → ASGI application."""

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version

from fastapi import FastAPI
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from caption_studio.batches.runner import BatchRunner
from caption_studio.batches.storage import Storage
from caption_studio.batches.threads import StoreThreads
from caption_studio.batches.tools import Tools
from caption_studio.errors import CaptionStudioError
from caption_studio.gateway import authentication, openapi, path_parameters
from caption_studio.gateway.admin import Administration, create_admin_router
from caption_studio.gateway.admission import Admission
from caption_studio.gateway.authentication import Keys
from caption_studio.gateway.batch_calls import BatchCaller
from caption_studio.gateway.batch_gate import BatchGate
from caption_studio.gateway.batches_routes import create_batches_router
from caption_studio.gateway.browsers import BrowserGuard
from caption_studio.gateway.byte_budget import BodyBytes, ByteBudget
from caption_studio.gateway.concurrency_limit import ConcurrencyLimit
from caption_studio.gateway.cors import cors
from caption_studio.gateway.error_responses import on_error, on_http_exception
from caption_studio.gateway.files_routes import create_files_router
from caption_studio.gateway.followed_keys import FollowedKeys
from caption_studio.gateway.generation import Generation
from caption_studio.gateway.http_methods import HeadAsGet
from caption_studio.gateway.in_use import tell_in_use
from caption_studio.gateway.limits.limiter import Limiter
from caption_studio.gateway.limits.middleware import RateLimits
from caption_studio.gateway.middleware import Failures, RequestContext
from caption_studio.gateway.page import create_page_router
from caption_studio.gateway.picture_files import PictureFiles
from caption_studio.gateway.places import Places
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
from caption_studio.wire.batches import BatchBody
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
    each key's limits and usage (None: there are no keys). `storage` keeps files and batches (None:
    there are no such routes). `proxy_echoes_id` is that of
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
    storage: Storage | None = None
    proxy_echoes_id: bool = False
    only_loopback_hosts: bool = False


def create_app(parts: Parts) -> FastAPI:
    """Return the gateway."""
    path_parameters.register()
    settings = parts.settings
    edge = settings.gateway
    keys = FollowedKeys(edge, parts.metrics)
    limit = ConcurrencyLimit(settings.batch_size, edge.max_in_flight, edge.max_predicted_s)
    places = Places(limit, time.monotonic)
    gate = BatchGate(
        places, max_in_flight=settings.batches.max_in_flight, batch_size=settings.batch_size
    )
    budget = ByteBudget(edge.max_body_bytes_in_flight)
    tell_in_use(parts.metrics.work, places, budget, edge)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(parts.resources())
            await stack.enter_async_context(keys.following())
            if parts.storage is not None and runner is not None:
                stack.callback(parts.storage.threads.close)
                await stack.enter_async_context(runner.running())
            yield

    app = FastAPI(
        title="Caption Studio",
        summary="A picture goes in, a caption worth posting comes out.",
        version=version("caption-studio"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # the redirect would lead to whatever host the caller named
        middleware=_middleware(parts, keys, places, gate, budget),
        exception_handlers={CaptionStudioError: on_error, HTTPException: on_http_exception},
    )
    base = settings.language.weights_id
    if edge.page:
        app.include_router(create_page_router())
    voices, aliases = parts.voices, parts.aliases
    pictures = PictureFiles(parts.storage, settings.images.max_bytes)
    generation = Generation(parts.pipeline, voices, aliases, parts.metrics, pictures)
    app.include_router(create_router(generation, settings))
    app.include_router(
        create_service_router(parts.pipeline, voices, aliases, base, parts.exposition)
    )
    bodies: list[type[BaseModel]] = [ChatRequest, CompletionRequest, ResponsesRequest]
    runner = _runner(app, parts, keys, gate)
    if parts.storage is not None and runner is not None:
        app.include_router(create_files_router(parts.storage, settings))
        app.include_router(create_batches_router(parts.storage, settings, runner.wake))
        bodies.append(BatchBody)
    if parts.administration is not None:
        app.include_router(create_admin_router(parts.administration, edge, keys))
        bodies += [AdapterRequest, VoiceRequest, AliasRequest]
    openapi.install(app, bodies, open_paths=authentication.OPEN)
    return app


def _runner(app: FastAPI, parts: Parts, keys: FollowedKeys, gate: BatchGate) -> BatchRunner | None:
    """Return what answers batches, None where there are none."""
    settings, storage = parts.settings, parts.storage
    if storage is None:
        return None
    return BatchRunner(
        Tools(
            files=storage.files,
            batches=storage.batches,
            threads=StoreThreads("batches"),
            caller=BatchCaller(app, keys if settings.gateway.has_keys else None),
            gate=gate,
            max_line_bytes=settings.gateway.max_body_bytes,
        )
    )


def _middleware(
    parts: Parts, keys: FollowedKeys, places: Places, gate: BatchGate, budget: ByteBudget
) -> list[Middleware]:
    """Return the middleware, the outermost first."""
    edge, tracing, limiter = parts.settings.gateway, parts.tracing, parts.limiter
    return [
        Middleware(RequestContext, metrics=parts.metrics, proxy_echoes_id=parts.proxy_echoes_id),
        *([] if tracing is None else [Middleware(Traced, tracing=tracing)]),
        *cors(edge.cors_origins),
        Middleware(Failures, timeout_s=edge.request_timeout_s),
        _door(edge, keys, only_loopback_hosts=parts.only_loopback_hosts),
        *([] if limiter is None else [Middleware(RateLimits, limiter=limiter)]),
        Middleware(Admission, places=places, gate=gate),
        Middleware(HeadAsGet),
        Middleware(
            BodyBytes,
            budget=budget,
            batches=ByteBudget(parts.settings.largest_request_bytes),
        ),
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
