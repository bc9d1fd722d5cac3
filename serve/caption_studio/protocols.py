"""The seam between the pipeline and the models: what tests swap and deployments provide."""

from collections.abc import AsyncGenerator
from typing import Protocol

from caption_studio.records import (
    Adapter,
    DeltaGroup,
    Described,
    Loaded,
    Picture,
    Pixels,
    Prompt,
    Structure,
)


class ImageLoader(Protocol):
    """ImageReference or ImageBytes → Pixels."""

    async def load(self, picture: Picture) -> Loaded:
        """Return the picture at the describer's input size.

        Raises `ImageError` or `InvalidValue` with the picture's `param`, `Overloaded` if too
        many pictures are under way, `NotReady` before the start and after the end.
        """
        ...


class Stage(Protocol):
    """A model behind the pipeline."""

    async def check_ready(self) -> None:
        """Return when the stage can serve; raise `NotReady` when it cannot."""
        ...


class Describer(Stage, Protocol):
    """Pixels → Description."""

    async def describe(
        self, pixels: Pixels, *, request_id: str, traceparent: str | None
    ) -> Described:
        """Return what is in the picture. Raises `ServiceError`."""
        ...


class Captioner(Stage, Protocol):
    """Prompt → CaptionDelta, in groups."""

    def generate(self, prompt: Prompt, *, stream: bool) -> AsyncGenerator[DeltaGroup]:
        """Yield the answer in groups of deltas; in one group unless `stream`.

        Raises `ContextLengthExceeded` or `ServiceError`. Closing the generator aborts the
        generation.
        """
        ...

    async def load_adapter(self, adapter: Adapter) -> Adapter:
        """Get, check and load it on one replica; return it with its digest.

        Raises `InvalidAdapter` or `ServiceError`.
        """
        ...


class Structures(Protocol):
    """Which forms of answers can be had."""

    async def check(self, structure: Structure) -> None:
        """Return when the captioner can obey it.

        Raises `InvalidValue` with its `param`, saying why not; `Overloaded`, `NotReady` or
        `EngineFailure` if that cannot be told.
        """
        ...


class AdapterCatalog(Protocol):
    """Which adapters there are."""

    def listed(self) -> tuple[Adapter, ...]:
        """Return those that are known now, the configured ones first."""
        ...

    async def resolve(self, model: str) -> Adapter | None:
        """Return the adapter with this id, or None for the base model's own.

        Raises `ModelNotFound`; `NotReady` if that cannot be told.
        """
        ...


class AdapterRegistry(AdapterCatalog, Protocol):
    """A catalog that changes at run time, for every gateway at once."""

    async def check_free(self, adapter_id: str) -> None:
        """Raise `AdapterExists` if a model has this id."""
        ...

    async def add(self, adapter: Adapter) -> None:
        """Add it. Raises `AdapterExists`, `InvalidAdapter` if there are too many, `NotReady`."""
        ...

    async def remove(self, adapter_id: str) -> None:
        """Remove it. Raises `ModelNotFound`, `AdapterIsConfigured`, `NotReady`."""
        ...
