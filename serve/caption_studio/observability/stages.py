"""The pipeline's stages as a gateway sees them, each call counted while it lasts."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from caption_studio.observability.metrics import Metrics
from caption_studio.protocols import Captioner, Describer, ImageLoader
from caption_studio.records import (
    Adapter,
    DeltaGroup,
    Described,
    Loaded,
    Picture,
    Pixels,
    Prompt,
    RequestClass,
)


class CountedLoader:
    """`protocols.ImageLoader`, counted as `intake`."""

    def __init__(self, loader: ImageLoader, metrics: Metrics) -> None:
        self._loader = loader
        self._metrics = metrics

    async def load(self, picture: Picture) -> Loaded:
        """See `protocols.ImageLoader`."""
        with self._metrics.in_stage("intake"):
            return await self._loader.load(picture)


class CountedDescriber:
    """`protocols.Describer`, counted as `describer`."""

    def __init__(self, describer: Describer, metrics: Metrics) -> None:
        self._describer = describer
        self._metrics = metrics

    async def describe(
        self,
        pixels: Pixels,
        *,
        request_id: str,
        traceparent: str | None,
        request_class: RequestClass,
    ) -> Described:
        """See `protocols.Describer`."""
        waited = self._metrics.wait("describer", request_class)
        with self._metrics.in_stage("describer"):
            described = await self._describer.describe(
                pixels,
                request_id=request_id,
                traceparent=traceparent,
                request_class=request_class,
            )
        waited()
        self._metrics.described(described.description)
        return described

    async def check_ready(self) -> None:
        """See `protocols.Stage`."""
        await self._describer.check_ready()


class CountedCaptioner:
    """`protocols.Captioner`, its prompts counted as `captioner`."""

    def __init__(self, captioner: Captioner, metrics: Metrics) -> None:
        self._captioner = captioner
        self._metrics = metrics

    async def generate(self, prompt: Prompt, *, stream: bool) -> AsyncGenerator[DeltaGroup]:
        """See `protocols.Captioner`."""
        waited = self._metrics.wait("captioner", prompt.request_class)
        with self._metrics.in_stage("captioner"):
            async with aclosing(self._captioner.generate(prompt, stream=stream)) as groups:
                async for group in groups:
                    if stream:
                        waited()
                    yield group
        waited()

    async def load_adapter(self, adapter: Adapter) -> Adapter:
        """See `protocols.Captioner`."""
        return await self._captioner.load_adapter(adapter)

    async def check_ready(self) -> None:
        """See `protocols.Stage`."""
        await self._captioner.check_ready()
