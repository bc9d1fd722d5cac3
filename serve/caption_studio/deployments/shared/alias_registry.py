"""The aliases of the settings and those set at run time, as every gateway knows them."""

from collections.abc import Callable

from caption_studio.deployments.shared.shared_list import SharedList
from caption_studio.errors import (
    AliasExists,
    AliasIsConfigured,
    InvalidAlias,
    ModelNotFound,
)
from caption_studio.protocols import VoiceCatalog
from caption_studio.records import Alias
from caption_studio.snapshots import Snapshots
from caption_studio.voices.aliases import ConfiguredAliases

MAX_ALIASES = 100
"""Limit on aliases set at run time, because the whole list is stored as one small value."""


class RunTimeAliases:
    """`protocols.AliasRegistry` over shared snapshots. Between `start` and `close`.

    `on_change` is called after each change of the list.
    """

    def __init__(
        self,
        configured: ConfiguredAliases,
        voices: VoiceCatalog,
        snapshots: Snapshots,
        on_change: Callable[[], None],
    ) -> None:
        self._configured = configured
        self._voices = voices
        self._set = SharedList("aliases", snapshots, Alias, on_change)
        self.start = self._set.start
        self.close = self._set.close

    def listed(self) -> tuple[Alias, ...]:
        """See `protocols.AliasCatalog`."""
        return self._configured.listed_with(self._set.records)

    async def find(self, model: str) -> Alias | None:
        """See `protocols.AliasCatalog`."""
        alias = self._configured.known(model, self._set.records)
        if alias is None:
            try:
                await self._voices.resolve(model)
            except ModelNotFound:
                if (alias := await self._set.find(model)) is None:
                    raise self._configured.not_found(model, self.listed()) from None
        return alias

    async def check_free(self, model: str) -> None:
        """See `protocols.AliasRegistry`."""
        await self._set.refresh()
        if self._configured.known(model, self._set.records) is not None:
            raise AliasExists(f"There is an alias {model!r} already.", param="id")

    async def naming(self, model: str) -> tuple[str, ...]:
        """See `protocols.AliasRegistry`."""
        await self._set.refresh()
        return tuple(
            alias.id
            for alias in self.listed()
            if any(target.model == model for target in alias.targets)
        )

    async def set(self, alias: Alias) -> None:
        """See `protocols.AliasRegistry`."""

        def changed(aliases: dict[str, Alias]) -> None:
            if alias.id not in aliases and len(aliases) >= MAX_ALIASES:
                raise InvalidAlias(f"There are {MAX_ALIASES} aliases; remove one first.")
            aliases[alias.id] = alias

        await self._set.change(changed)

    async def remove(self, alias_id: str) -> None:
        """See `protocols.AliasRegistry`."""

        def removed(aliases: dict[str, Alias]) -> None:
            if aliases.pop(alias_id, None) is not None:
                return
            if self._configured.known(alias_id, {}) is not None:
                raise AliasIsConfigured(
                    "This alias is as the settings say; only they can remove it.", param="id"
                )
            raise ModelNotFound("There is no such alias.", param="id")

        await self._set.change(removed)
