"""The seam between the pipeline and the models: deployments implement it, tests fake it."""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from caption_studio.records import (
    Adapter,
    Alias,
    DeltaGroup,
    Described,
    Loaded,
    Picture,
    Pixels,
    Prompt,
    RequestClass,
    Structure,
    Voice,
)


class ImageLoader(Protocol):
    """ImageReference or ImageBytes → Pixels."""

    async def load(self, picture: Picture) -> Loaded:
        """Return the picture at the describer's input size.

        Raises `ImageError` or `InvalidValue` with the picture's `param`, `Overloaded` if too many
        pictures are in progress, `DeadlineExceeded` or `EngineFailure` if the machine is at fault,
        `NotReady` before the start and after the end.
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
        self,
        pixels: Pixels,
        *,
        request_id: str,
        traceparent: str | None,
        request_class: RequestClass,
    ) -> Described:
        """Return the picture's description. Raises `ServiceError`."""
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
    """The check whether a form of answer is possible."""

    async def check(self, structure: Structure) -> None:
        """Return if the captioner can obey the structure.

        Raises `InvalidValue` with its `param`, saying why not; `Overloaded`, `NotReady` or
        `EngineFailure` if the check itself fails.
        """
        ...


class AdapterCatalog(Protocol):
    """The adapters that can be served."""

    def listed(self) -> tuple[Adapter, ...]:
        """Return the adapters known now, the configured ones first."""
        ...

    async def resolve(self, model: str) -> Adapter | None:
        """Return the adapter with this id, or None for the base model's own.

        Raises `ModelNotFound`; `NotReady` if the catalog cannot be read.
        """
        ...


class AdapterRegistry(AdapterCatalog, Protocol):
    """A catalog that changes at run time, for every gateway at once."""

    async def refresh(self) -> None:
        """Read what other gateways have changed until now. Raises `NotReady`."""
        ...

    async def check_free(self, adapter_id: str) -> None:
        """Raise `AdapterExists` if a model has this id."""
        ...

    async def add(self, adapter: Adapter) -> None:
        """Add it. Raises `AdapterExists`, `InvalidAdapter` if there are too many, `NotReady`."""
        ...

    async def remove(self, adapter_id: str) -> None:
        """Remove it. Raises `ModelNotFound`, `AdapterIsConfigured`, `NotReady`."""
        ...


class VoiceCatalog(Protocol):
    """The voices that captions can have."""

    def listed(self) -> tuple[Voice, ...]:
        """Return the voices known now: the base model's, the adapters', then the others."""
        ...

    async def resolve(self, model: str) -> Voice:
        """Return the voice with this id; an adapter without one of its own has a plain one.

        Raises `ModelNotFound`; `NotReady` if the catalog cannot be read.
        """
        ...


class VoiceRegistry(VoiceCatalog, Protocol):
    """A catalog that changes at run time, for every gateway at once."""

    async def refresh(self) -> None:
        """Read what other gateways have changed until now. Raises `NotReady`."""
        ...

    async def check_free(self, voice_id: str) -> None:
        """Raise `VoiceExists` if a model has this id."""
        ...

    async def add(self, voice: Voice) -> None:
        """Add it. Raises `VoiceExists`, `InvalidVoice` if there are too many, `NotReady`."""
        ...

    async def remove(self, voice_id: str) -> None:
        """Remove it. Raises `ModelNotFound`, `VoiceIsConfigured`, `NotReady`."""
        ...


class AliasCatalog(Protocol):
    """The aliases: names for models that may change while their callers do not."""

    def listed(self) -> tuple[Alias, ...]:
        """Return the aliases known now, those of the settings first."""
        ...

    async def find(self, model: str) -> Alias | None:
        """Return the alias with this id, or None for the id of a voice.

        Raises `ModelNotFound` if it is neither's; `NotReady` if the catalog cannot be read.
        """
        ...


class AliasRegistry(AliasCatalog, Protocol):
    """A catalog that changes at run time, for every gateway at once."""

    async def check_free(self, model: str) -> None:
        """Raise `AliasExists` if an alias has this id."""
        ...

    async def naming(self, model: str) -> tuple[str, ...]:
        """Return the ids of the aliases that name this model. Raises `NotReady`."""
        ...

    async def set(self, alias: Alias) -> None:
        """Add it, or replace the one with its id.

        Raises `InvalidAlias` if there are too many, `NotReady`.
        """
        ...

    async def remove(self, alias_id: str) -> None:
        """Remove what was set at run time; an alias of the settings is again as they say.

        Raises `ModelNotFound`, `AliasIsConfigured`, `NotReady`.
        """
        ...


class Guard(Protocol):
    """Looks for what may not be shown."""

    async def flagged(self, texts: Sequence[str]) -> list[tuple[str, ...]]:
        """Return the reasons against each text, none for one that may be shown.

        Raises `ModerationUnavailable`.
        """
        ...
