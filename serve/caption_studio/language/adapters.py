"""Adapter settings → what vLLM wants to know of a LoRA adapter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from caption_studio.settings import AdapterSettings, model_location


@dataclass(frozen=True, slots=True)
class Adapter:
    """One adapter: public id, vLLM's number for it (1 or more), folder or hub id."""

    id: str
    number: int
    location: str


def numbered(adapters: Sequence[AdapterSettings]) -> Mapping[str, Adapter]:
    """Return the adapters by id, numbered from 1 in the order of the settings.

    vLLM caches adapters by that number, so two of them must never share one.
    """
    return {
        adapter.id: Adapter(adapter.id, number, model_location(adapter.source))
        for number, adapter in enumerate(adapters, start=1)
    }
