"""The adapters of the settings and those added at run time, as every gateway knows them."""

from collections.abc import Callable

from caption_studio.deployments.shared.shared_list import SharedList
from caption_studio.errors import AdapterExists, AdapterIsConfigured, InvalidAdapter
from caption_studio.language.adapters.configured import ConfiguredAdapters, no_such_model
from caption_studio.records import Adapter
from caption_studio.snapshots import Snapshots

MAX_ADAPTERS = 1000
"""Limit on adapters added at run time, because the whole list is stored as one small value."""


class RunTimeAdapters:
    """`protocols.AdapterRegistry` over shared snapshots. Between `start` and `close`.

    `on_change` is called after each change of the list.
    """

    def __init__(
        self,
        configured: ConfiguredAdapters,
        snapshots: Snapshots,
        on_change: Callable[[], None],
    ) -> None:
        self._configured = configured
        self._added = SharedList("adapters", snapshots, Adapter, on_change)
        self.start = self._added.start
        self.close = self._added.close

    def listed(self) -> tuple[Adapter, ...]:
        """See `protocols.AdapterCatalog`."""
        return (*self._configured.listed(), *self._added.records.values())

    async def resolve(self, model: str) -> Adapter | None:
        """See `protocols.AdapterCatalog`."""
        if self._configured.knows(model):
            return await self._configured.resolve(model)
        found = await self._added.find(model)
        if found is None:
            known = (self._configured.base, *(adapter.id for adapter in self.listed()))
            raise no_such_model(model, known)
        return found

    async def refresh(self) -> None:
        """See `protocols.AdapterRegistry`."""
        await self._added.refresh()

    async def check_free(self, adapter_id: str) -> None:
        """See `protocols.AdapterRegistry`."""
        await self._added.refresh()
        if self._knows(adapter_id):
            raise _exists(adapter_id)

    async def add(self, adapter: Adapter) -> None:
        """See `protocols.AdapterRegistry`."""

        def added(adapters: dict[str, Adapter]) -> None:
            if self._configured.knows(adapter.id) or adapter.id in adapters:
                raise _exists(adapter.id)
            if len(adapters) >= MAX_ADAPTERS:
                raise InvalidAdapter(f"There are {MAX_ADAPTERS} adapters; remove one first.")
            adapters[adapter.id] = adapter

        await self._added.change(added)

    async def remove(self, adapter_id: str) -> None:
        """See `protocols.AdapterRegistry`."""
        if self._configured.knows(adapter_id):
            raise AdapterIsConfigured(
                "This model stands in the settings; only they can remove it.", param="id"
            )

        def removed(adapters: dict[str, Adapter]) -> None:
            if adapters.pop(adapter_id, None) is None:
                raise no_such_model(adapter_id, tuple(adapters), param="id")

        await self._added.change(removed)

    def _knows(self, model: str) -> bool:
        return self._configured.knows(model) or model in self._added.records


def _exists(adapter_id: str) -> AdapterExists:
    return AdapterExists(f"There is a model {adapter_id!r} already.", param="id")
