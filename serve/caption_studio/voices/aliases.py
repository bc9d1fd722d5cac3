"""Which model answers for an alias, and the aliases of the settings."""

import math
from collections.abc import Mapping, Sequence
from hashlib import blake2b

from caption_studio.errors import ModelNotFound
from caption_studio.language.adapters.configured import no_such_model
from caption_studio.protocols import VoiceCatalog
from caption_studio.records import Alias, Target
from caption_studio.settings import AliasSettings, Settings
from caption_studio.voices.catalog import adapter_gone

HASH_BITS = 52
"""As many as leave room for the half below in a float's 53."""


def ranked(alias: Alias, who: str) -> list[str]:
    """Return the alias's models, the one that answers `who` first.

    The choice depends on the arguments alone, so it is the same in every gateway and after a
    restart. A target whose weight grows against all others keeps its callers and gains some; one
    that is added takes callers, and one that is removed gives its own back, without moving any
    between the others.

    Source: the logarithmic method of Schindelhauer and Schomaker, Weighted Distributed Hash Tables,
    SPAA 2005 (weighted rendezvous hashing).
    """

    def distance(target: Target) -> float:
        return -math.log(_uniform(alias.id, target.model, who)) / target.weight

    return [target.model for target in sorted(alias.targets, key=distance)]


def _uniform(*parts: str) -> float:
    """Return a number between 0 and 1, both excluded, that the parts alone determine."""
    digest = blake2b("\0".join(parts).encode(), digest_size=8).digest()
    number = int.from_bytes(digest, "big") >> (64 - HASH_BITS)
    return float((number + 0.5) / 2**HASH_BITS)


async def answering(alias: Alias, who: str, voices: VoiceCatalog) -> str:
    """Return the id of the voice that answers `who`.

    A model that is gone, as after a start with other settings, leaves its callers to the others.
    Raises `ModelNotFound` if all are gone, and `NotReady`.
    """
    for model in ranked(alias, who):
        try:
            return (await voices.resolve(model)).id
        except ModelNotFound:
            continue
    raise ModelNotFound(f"All models of the alias {alias.id!r} are gone.", param="model")


class ConfiguredAliases:
    """`protocols.AliasCatalog` of the settings."""

    def __init__(self, settings: Settings, voices: VoiceCatalog) -> None:
        self._models = settings.caption_models
        self._voices = voices
        self._aliases = {one.id: _recorded(one) for one in settings.aliases}

    def listed(self) -> tuple[Alias, ...]:
        """See `protocols.AliasCatalog`."""
        return self.listed_with({})

    def listed_with(self, added: Mapping[str, Alias]) -> tuple[Alias, ...]:
        """Return the aliases; one in `added` replaces that of the settings."""
        # One that was set before the settings had a model with its id gives way to them.
        others = {id_: alias for id_, alias in added.items() if id_ not in self._models}
        return tuple((self._aliases | others).values())

    def known(self, model: str, added: Mapping[str, Alias]) -> Alias | None:
        """Return the alias with this id, None if there is none."""
        if model in self._models:
            return None
        return added.get(model) or self._aliases.get(model)

    async def find(self, model: str) -> Alias | None:
        """See `protocols.AliasCatalog`."""
        if (alias := self.known(model, {})) is None:
            try:
                await self._voices.resolve(model)
            except ModelNotFound:
                raise self.not_found(model, self.listed()) from None
        return alias

    def not_found(self, model: str, aliases: Sequence[Alias]) -> ModelNotFound:
        """Return the error for an id that is neither a voice's nor an alias's."""
        voices = [voice.id for voice in self._voices.listed()]
        if model in voices:
            return adapter_gone(model)
        return no_such_model(model, [*voices, *(alias.id for alias in aliases)])


def _recorded(settings: AliasSettings) -> Alias:
    targets = tuple(Target(one.model, one.weight) for one in settings.targets)
    return Alias(settings.id, targets, settings.description, configured=True)
