"""Settings → the Serve application: Gateway over Describer and Captioner.

`build` is the `import_path` of the Serve config files in deploy/. Replicas, resources and
autoscaling are Serve's business and stand there under `deployments`; everything else is
in the application's `args` (caption_studio.settings).
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, get_args

from fastapi import FastAPI
from ray import serve
from ray.serve import Application, Deployment
from ray.serve.handle import DeploymentHandle

from caption_studio.batches.storage import Storage
from caption_studio.deployments import scaling_to_zero
from caption_studio.deployments.allocator import give_back_large_blocks
from caption_studio.deployments.captioner import captioner_deployment
from caption_studio.deployments.describer import describer_deployment
from caption_studio.deployments.direct.connection import Connections
from caption_studio.deployments.gc_freeze import leave_out_what_is_loaded
from caption_studio.deployments.handles import CaptionerHandle, DescriberHandle
from caption_studio.deployments.listening import listening_host
from caption_studio.deployments.models import models_of
from caption_studio.deployments.routing.router import by_adapter, by_picture
from caption_studio.deployments.scheduling_class import interrupt_nobody
from caption_studio.deployments.shared.ledger import RayLedger
from caption_studio.deployments.shared.metrics import of_this_proxy, of_this_replica
from caption_studio.gateway.app import Parts, create_app
from caption_studio.gateway.exposure import check_exposure, is_loopback
from caption_studio.gateway.limits.limiter import KeyLimits, Limiter
from caption_studio.gateway.limits.usage import no_usage
from caption_studio.images.loader import ImageIntake
from caption_studio.limits import MAX_IN_FLIGHT
from caption_studio.observability import logging as studio_logging
from caption_studio.observability import tracing
from caption_studio.observability.metrics import Metrics, Stage
from caption_studio.observability.stages import CountedCaptioner, CountedDescriber, CountedLoader
from caption_studio.observability.work import Work, asked, done
from caption_studio.pipeline import CaptionPipeline
from caption_studio.settings import Settings
from caption_studio.structure.check import StructureCheck
from caption_studio.voices.guards.guards import Guards

DRAIN_MARGIN_S = 10.0
"""Added to the longest request, for a gateway's work before it waits for its last request."""

START_ATTEMPTS = 3
"""Failed starts, over all replicas of a stage, before a change is given up. A retry repairs neither
a model nor an adapter, and each start takes a minute."""

MakeIntake = Callable[[Settings], ImageIntake]


def make_intake(settings: Settings) -> ImageIntake:
    """Return the intake that uses the system's own resolver, network and certificates."""
    return ImageIntake(settings.images, size_px=settings.vision.image_size_px)


class Gateway:
    """The HTTP edge: decodes pictures and composes the two stages."""

    def __init__(
        self,
        settings: Settings,
        make_intake: MakeIntake,
        describer: DeploymentHandle,
        captioner: DeploymentHandle,
    ) -> None:
        self._settings = settings
        self._make_intake = make_intake
        self._describer = describer
        self._captioner = captioner
        self._intake: ImageIntake | None = None
        self._work = Work()

    async def check_health(self) -> None:
        """Let Serve replace a gateway in which every decode hangs."""
        if self._intake is not None:
            self._intake.check_health()

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Return what Serve's controller hands to `scaling.JointPolicy`."""
        return self._work.counters(
            *(asked(stage) for stage in get_args(Stage)),
            *(done(stage) for stage in get_args(Stage)),
        )

    async def __serve_build_asgi_app__(self) -> FastAPI:
        """Build the application in the replica, once the handles are there.

        Raises `ValueError` if keys are missing or invalid; Serve reports it to the operator.
        """
        settings = self._settings
        studio_logging.configure(settings.logging)
        host = await listening_host()
        check_exposure(host, settings.gateway)
        interrupt_nobody()
        give_back_large_blocks()
        intake = self._intake = self._make_intake(settings)
        connections = Connections()
        is_asleep = scaling_to_zero.in_application(serve.get_replica_context().app_name)
        describer = DescriberHandle(self._describer, connections, is_asleep)
        captioner = CaptionerHandle(self._captioner, connections, is_asleep)
        metrics = Metrics()
        self._work = metrics.work
        models = models_of(settings, metrics)
        guard = Guards(settings.guards)
        structures = StructureCheck()
        limiter = _limiter(settings, metrics) if settings.gateway.has_keys else None
        usage = no_usage() if limiter is None else limiter.usage
        shared = of_this_replica(metrics.registry)
        proxy = of_this_proxy()
        spans = tracing.make(settings.tracing, "gateway") if settings.tracing.is_on else None

        @asynccontextmanager
        async def resources() -> AsyncIterator[None]:
            async with AsyncExitStack() as stack:
                if spans is not None:
                    stack.callback(spans.close)
                stack.callback(connections.close)
                for resource in (
                    metrics.loop_watch,
                    intake,
                    structures,
                    models.added_adapters,
                    models.added_voices,
                    models.set_aliases,
                    guard,
                    limiter,
                    shared,
                    proxy,
                ):
                    if resource is not None:
                        await resource.start()
                        stack.push_async_callback(resource.close)
                leave_out_what_is_loaded()
                yield

        pipeline = CaptionPipeline(
            CountedLoader(intake, metrics),
            CountedDescriber(describer, metrics),
            CountedCaptioner(captioner, metrics),
            models.adapters,
            structures,
            models.voices,
            guard,
            describe_timeout_s=settings.gateway.describe_timeout_s,
        )
        parts = Parts(
            pipeline=pipeline,
            settings=settings,
            resources=resources,
            voices=models.voices,
            aliases=models.aliases,
            metrics=metrics,
            exposition=shared.exposition,
            tracing=spans,
            administration=models.administration(captioner, usage),
            limiter=limiter,
            storage=Storage.of(settings.batches),
            proxy_echoes_id=True,  # see deployments.edge.middlewares
            only_loopback_hosts=host is None or is_loopback(host),
        )
        return create_app(parts)


def _limiter(settings: Settings, metrics: Metrics) -> Limiter:
    """Return the limits of this application's keys, which other gateways share."""
    ledger = RayLedger(serve.get_replica_context().app_name)
    limits = KeyLimits(settings.gateway.requests_per_minute, settings.gateway.tokens_per_minute)
    return Limiter(ledger, limits, metrics)


# The gateway's Admission answers 429 in our form, so Serve must not queue requests before it.
# Probes would wait in that queue, and Serve reads the bodies of queued requests into memory without
# bound.
gateway_deployment = serve.deployment(
    ray_actor_options={"num_cpus": 0.5}, max_ongoing_requests=16 * MAX_IN_FLIGHT
)(serve.ingress()(Gateway))


def build(values: Mapping[str, Any] | None = None) -> Application:
    """Return the application for a config file's `args`.

    The environment is read here, once; replicas get the finished settings.

    Raises:
        ValueError: an unknown setting or a bad value.
    """
    return application(Settings.load(values))


def application(
    settings: Settings,
    make_intake: MakeIntake = make_intake,
    *,
    describer: Deployment = describer_deployment,
    captioner: Deployment = captioner_deployment,
) -> Application:
    """Return the application of these stages; `make_intake` is called in the gateway's replicas."""
    # A replica that is stopped drains first; no request takes longer than this.
    drain_s = settings.gateway.request_timeout_s + DRAIN_MARGIN_S
    describer, captioner, gateway = (
        deployment.options(
            graceful_shutdown_timeout_s=drain_s, max_constructor_retry_count=START_ATTEMPTS
        )
        for deployment in (describer, captioner, gateway_deployment)
    )
    remembers = bool(settings.vision.cache_size)
    describer = describer.options(request_router_config=by_picture(remembers=remembers))
    room = settings.language.max_loaded_adapters
    captioner = captioner.options(request_router_config=by_adapter(room))
    return gateway.bind(settings, make_intake, describer.bind(settings), captioner.bind(settings))
