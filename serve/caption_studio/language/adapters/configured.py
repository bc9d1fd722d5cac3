"""Settings → the configured adapters, available from the start."""

import logging
from collections.abc import Sequence

from caption_studio.errors import ModelNotFound
from caption_studio.records import Adapter
from caption_studio.settings import AdapterSettings, LanguageSettings

logger = logging.getLogger(__name__)

MAX_SHOWN_CHARS = 64
MAX_SHOWN_MODELS = 32
"""Limits of the error about an unknown model."""


class ConfiguredAdapters:
    """`protocols.AdapterCatalog` of the settings alone."""

    def __init__(self, settings: LanguageSettings) -> None:
        self.base = settings.weights_id
        self._adapters = {adapter.id: adapter for adapter in configured(settings)}

    def listed(self) -> tuple[Adapter, ...]:
        """See `protocols.AdapterCatalog`."""
        return tuple(self._adapters.values())

    def knows(self, model: str) -> bool:
        """Return whether it is the base model's id or an adapter's."""
        return model == self.base or model in self._adapters

    async def resolve(self, model: str) -> Adapter | None:
        """See `protocols.AdapterCatalog`."""
        if not self.knows(model):
            raise no_such_model(model, (self.base, *self._adapters))
        return self._adapters.get(model)


def configured(settings: LanguageSettings) -> tuple[Adapter, ...]:
    """Return the adapters of the settings that are applied at each step, in their order."""
    return tuple(recorded(adapter) for adapter in settings.lora_adapters)


def recorded(adapter: AdapterSettings) -> Adapter:
    """Return the record of an adapter of the settings."""
    return Adapter(
        adapter.id,
        adapter.source,
        adapter.revision,
        adapter.any_base,
        configured=True,
        description=adapter.description,
    )


def no_such_model(model: str, known: Sequence[str], param: str = "model") -> ModelNotFound:
    """Return the error for an unknown id; `param` is the field that held it."""
    name = repr(model if len(model) <= MAX_SHOWN_CHARS else f"{model[:MAX_SHOWN_CHARS]}…")
    there = ", ".join(known[:MAX_SHOWN_MODELS]) + (", …" if len(known) > MAX_SHOWN_MODELS else "")
    others = f"There are: {there}." if known else "There are none."
    return ModelNotFound(f"There is no model {name}. {others}", param=param)
