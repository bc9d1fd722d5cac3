"""The captioner's deployment: one vLLM engine per replica.

The engine runs in its own process. If it dies, the replica ends too: see `ending`.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import aclosing, contextmanager

from ray import serve

from caption_studio.deployments.direct.listener import Method
from caption_studio.deployments.direct.pieces import pieces_of
from caption_studio.deployments.ending import HEALTH_CHECK_PERIOD_S, ending_with_the_engine
from caption_studio.deployments.gc_freeze import leave_out_what_is_loaded
from caption_studio.deployments.one_machine.semaphores import name_semaphores
from caption_studio.deployments.scheduling_class import interrupt_nobody
from caption_studio.deployments.shared import metrics
from caption_studio.deployments.working import Working
from caption_studio.errors import EngineDied
from caption_studio.limits import MAX_IN_FLIGHT
from caption_studio.observability import logging as studio_logging
from caption_studio.observability import tracing
from caption_studio.observability.loop_watch import LoopWatch
from caption_studio.observability.stage_metrics import captioner_registry
from caption_studio.records import Adapter, Prompt
from caption_studio.settings import Settings

logger = logging.getLogger(__name__)

SAMPLE_S = 1.0
"""Interval at which the engine's load is sampled for the metrics."""


class Captioner(Working):
    """Continues prompts; the replica is up when model and adapters are loaded."""

    async def __init__(self, settings: Settings) -> None:  # type: ignore[misc]  # Serve awaits it
        # Here and not above: vLLM takes seconds to import, and the processes that only bind
        # or call this deployment need none of it.
        from caption_studio.language.engine import FalconEngine

        studio_logging.configure(settings.logging)
        self._longest_s = settings.gateway.request_timeout_s
        name_semaphores()
        self._tracing = tracing.make(settings.tracing, "captioner")
        self._engine = FalconEngine(
            settings.language,
            run_time_adapters=settings.gateway.has_admin,
            stall_s=settings.gateway.request_timeout_s / 2,  # leaves time to ask another replica
            batches=settings.batch_share,
        )
        loop_watch = LoopWatch()
        registry = captioner_registry(self._engine.load, loop_watch)
        self._metrics = metrics.of_this_replica(registry)
        self._sampling: asyncio.Task[None] | None = None
        await self._engine.start()
        interrupt_nobody()
        leave_out_what_is_loaded()
        await self._metrics.start()
        await loop_watch.start()  # it ends with the loop
        self._sampling = asyncio.create_task(self._keep_sampling())

    def _methods(self) -> Mapping[str, Method]:
        return {"generate": self.generate}

    async def generate(self, prompt: Prompt, stream: bool) -> AsyncGenerator[bytes]:
        """Yield the answer's pieces (`direct.pieces`); without `stream` all groups are one."""
        studio_logging.request_id.set(prompt.request_id)
        with ending_with_the_engine(), self._span(prompt):
            async with aclosing(self._engine.generate(prompt, stream=stream)) as groups:
                async for piece in pieces_of(groups):
                    yield piece

    async def load_adapter(self, adapter: Adapter) -> Adapter:
        """Get, check and load an adapter in this replica; return it with its digest."""
        with ending_with_the_engine():
            return await self._engine.load_adapter(adapter)

    async def check_ready(self) -> None:
        """Raise `NotReady` unless the engine lives."""
        await self._engine.check_health()

    async def check_health(self) -> None:
        """Let Serve replace the replica when its engine is dead."""
        with ending_with_the_engine():
            await self._engine.check_health()

    @contextmanager
    def _span(self, prompt: Prompt) -> Generator[None]:
        with self._working(), self._tracing.span("caption", prompt.traceparent) as span:
            span.set({"request_id": prompt.request_id, "model": prompt.model})
            yield

    async def _keep_sampling(self) -> None:
        with ending_with_the_engine():
            while True:
                try:
                    await self._engine.sample()
                except EngineDied:
                    raise
                except Exception:  # nobody awaits this task, and it must go on
                    logger.exception("the engine could not be asked what it does")
                await asyncio.sleep(SAMPLE_S)

    async def __del__(self) -> None:
        await self._direct.close(within_s=self._longest_s)
        if self._sampling is not None:
            self._sampling.cancel()
        self._metrics.end()
        self._tracing.close()
        self._engine.stop()


# Prompts come directly: Serve bounds only the calls for an address or an adapter, and probes.
captioner_deployment = serve.deployment(
    ray_actor_options={"num_cpus": 0.5},
    max_ongoing_requests=MAX_IN_FLIGHT,
    max_queued_requests=512,
    health_check_period_s=HEALTH_CHECK_PERIOD_S,
)(Captioner)
