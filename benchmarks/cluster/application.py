"""The service's application with stand-ins for its two models; `build` is its `import_path`."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry
from ray import serve
from ray.serve import Application

from benchmarks.cluster import models
from benchmarks.cluster.models import StageModel
from caption_studio.deployments.app import application
from caption_studio.deployments.captioner import Captioner
from caption_studio.deployments.describer import MAX_AT_ENGINE, Describer
from caption_studio.deployments.shared import metrics
from caption_studio.observability import logging as studio_logging
from caption_studio.observability import tracing
from caption_studio.records import (
    Adapter,
    CaptionDelta,
    DeltaGroup,
    Described,
    Description,
    Pixels,
    Prompt,
    RequestClass,
)
from caption_studio.settings import Settings


class BatchStandIn:
    """Takes the time of `vision.engine`: batches of waiting pictures, one after the other."""

    def __init__(self, model: StageModel) -> None:
        self._model = model
        self._waiting: list[asyncio.Future[None]] = []
        self._running: asyncio.Task[None] | None = None

    async def describe(self, pixels: Pixels, _: RequestClass = "online") -> Described:
        """Wait for a place in a batch, and for the batch to end."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        await done
        text = f"a picture of {pixels.width_px} by {pixels.height_px}"
        return Described(Description(text), queue_s=0.0, describe_s=0.0)

    def check_health(self) -> None:
        """Do nothing: a stand-in cannot fail."""

    def close(self) -> None:
        """Do nothing: there is no engine."""

    async def _run(self) -> None:
        while self._waiting:
            batch = self._waiting[: self._model.max_batch]
            del self._waiting[: self._model.max_batch]
            await asyncio.sleep(self._model.base_s + self._model.each_s * len(batch))
            for done in batch:
                if not done.done():
                    done.set_result(None)


class ContinuousStandIn:
    """Takes the time of `language.engine`: each takes longer the more are in flight."""

    def __init__(self, model: StageModel) -> None:
        self._model = model
        self._slots = asyncio.Semaphore(model.slots)
        self._in_flight = 0

    async def generate(self, prompt: Prompt, *, stream: bool) -> AsyncGenerator[DeltaGroup]:
        """Yield one group at the end."""
        async with self._slots:
            self._in_flight += 1
            try:
                await asyncio.sleep(self._model.base_s + self._model.each_s * self._in_flight)
            finally:
                self._in_flight -= 1
        yield (CaptionDelta(0, "Out at sea.", 4, 20, "stop"),)

    async def load_adapter(self, adapter: Adapter) -> Adapter:
        """Return the adapter unchanged."""
        return adapter

    async def check_health(self) -> None:
        """Do nothing: a stand-in cannot die."""

    def stop(self) -> None:
        """Do nothing: there is no engine."""


class StandInDescriber(Describer):
    """The describer's replica around `BatchStandIn`."""

    async def __init__(self, settings: Settings) -> None:  # type: ignore[misc]  # Serve awaits it
        studio_logging.configure(settings.logging)
        self._longest_s = settings.gateway.request_timeout_s
        self._tracing = tracing.make(settings.tracing, "describer")
        self._metrics = metrics.of_this_replica(CollectorRegistry())
        await asyncio.sleep(models.DESCRIBER_LOAD_S)
        self._places = asyncio.Semaphore(MAX_AT_ENGINE)
        self._engine = self._cache = BatchStandIn(models.DESCRIBER)  # type: ignore[assignment]


class StandInCaptioner(Captioner):
    """The captioner's replica around `ContinuousStandIn`."""

    async def __init__(self, settings: Settings) -> None:  # type: ignore[misc]  # Serve awaits it
        studio_logging.configure(settings.logging)
        self._longest_s = settings.gateway.request_timeout_s
        self._tracing = tracing.make(settings.tracing, "captioner")
        self._metrics = metrics.of_this_replica(CollectorRegistry())
        self._sampling = None
        await asyncio.sleep(models.CAPTIONER_LOAD_S)
        self._engine = ContinuousStandIn(models.CAPTIONER)  # type: ignore[assignment]


def build(values: Mapping[str, Any] | None = None) -> Application:
    """Return the application; its stages have the service's names."""
    describer = serve.deployment(name="Describer", max_queued_requests=512)(StandInDescriber)
    captioner = serve.deployment(name="Captioner", max_queued_requests=512)(StandInCaptioner)
    return application(Settings.load(values), describer=describer, captioner=captioner)
