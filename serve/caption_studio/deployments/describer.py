"""The describer's deployment: one GIT model per replica, describing many pictures at once.

If its engine becomes unusable, the replica ends: see `ending`.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping

import msgspec
from ray import serve

from caption_studio.deployments.direct.listener import Method
from caption_studio.deployments.ending import HEALTH_CHECK_PERIOD_S, ending_with_the_engine
from caption_studio.deployments.gc_freeze import leave_out_what_is_loaded
from caption_studio.deployments.scheduling_class import let_others_go_first
from caption_studio.deployments.shared import metrics
from caption_studio.deployments.working import Working
from caption_studio.limits import MAX_IN_FLIGHT
from caption_studio.observability import logging as studio_logging
from caption_studio.observability import tracing
from caption_studio.observability.stage_metrics import describer_registry
from caption_studio.records import Described, Pixels, RequestClass
from caption_studio.settings import Settings

MAX_AT_ENGINE = MAX_IN_FLIGHT
"""Pictures that wait in the engine at most, which keeps room for as many; others wait before it."""


class Describer(Working):
    """Describes pictures; the replica is up when its model is loaded."""

    def __init__(self, settings: Settings) -> None:
        # Here and not above: torch takes seconds to import, and the processes that only bind
        # or call this deployment need none of it.
        from caption_studio.vision.description_cache import DescriptionCache
        from caption_studio.vision.engine import DescriberEngine
        from caption_studio.vision.git import load

        studio_logging.configure(settings.logging)
        self._longest_s = settings.gateway.request_timeout_s
        self._tracing = tracing.make(settings.tracing, "describer")
        loaded = load(settings.vision)
        if loaded.git.weight.device.type == "cpu":
            let_others_go_first()
        self._engine = DescriberEngine(
            loaded,
            max_rows=settings.vision.max_batch_size,
            max_waiting=MAX_AT_ENGINE,
            eager=settings.vision.enforce_eager,
            stall_s=settings.gateway.describe_timeout_s / 2,  # leaves time to ask another replica
            batches=settings.batch_share,
        )
        self._metrics = metrics.of_this_replica(describer_registry(self._engine.load))
        self._engine.start()
        self._metrics.begin()
        leave_out_what_is_loaded()
        self._places = asyncio.Semaphore(MAX_AT_ENGINE)
        self._cache = DescriptionCache(self._engine.describe, size=settings.vision.cache_size)

    def _methods(self) -> Mapping[str, Method]:
        return {"describe": self.describe}

    async def describe(
        self,
        pixels: Pixels,
        request_id: str,
        traceparent: str | None,
        request_class: RequestClass,
    ) -> AsyncGenerator[bytes]:
        """Yield the description of one picture, a `Described` as msgpack."""
        studio_logging.request_id.set(request_id)
        with (
            ending_with_the_engine(),
            self._working(),
            self._tracing.span("describe", traceparent) as span,
        ):
            async with self._places:
                described: Described = await self._cache.describe(pixels, request_class)
            span.set(
                {
                    "request_id": request_id,
                    "queue_s": described.queue_s,
                    "describe_s": described.describe_s,
                    "cache": described.cache,
                }
            )
        yield msgspec.msgpack.encode(described)

    async def check_ready(self) -> None:
        """Raise `EngineDied`, a `NotReady`, if the engine is unusable."""
        self._engine.check_health()

    async def check_health(self) -> None:
        """Let Serve replace the replica when its engine is unusable."""
        with ending_with_the_engine():
            self._engine.check_health()

    async def __del__(self) -> None:
        await self._direct.close(within_s=self._longest_s)
        self._metrics.end()
        self._tracing.close()
        self._engine.close()


describer_deployment = serve.deployment(
    ray_actor_options={"num_cpus": 0.5},
    max_ongoing_requests=MAX_IN_FLIGHT,
    max_queued_requests=512,
    health_check_period_s=HEALTH_CHECK_PERIOD_S,
)(Describer)
