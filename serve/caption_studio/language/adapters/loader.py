"""Adapter → whatever the engine made of it: loaded on first use, once, whoever asks meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from caption_studio.records import Adapter

T = TypeVar("T")


class LoadedAdapters(Generic[T]):
    """Remembers what was loaded; a failure is told to all who waited for it, and forgotten.

    One entry for each adapter ever used by this process: a few hundred bytes for each time
    that an operator adds one.
    """

    def __init__(self, load: Callable[[Adapter], Awaitable[T]]) -> None:
        self._load = load
        self._loaded: dict[Adapter, T] = {}
        self._under_way: dict[Adapter, asyncio.Task[T]] = {}

    async def get(self, adapter: Adapter) -> T:
        """Return what it was loaded as. Raises what loading it raised."""
        if adapter in self._loaded:
            return self._loaded[adapter]
        task = self._under_way.get(adapter)
        if task is None:
            task = asyncio.create_task(self._load_once(adapter))
            task.add_done_callback(_looked_at)
            self._under_way[adapter] = task
        # One who gives up does not take the others' load along.
        return await asyncio.shield(task)

    async def _load_once(self, adapter: Adapter) -> T:
        try:
            self._loaded[adapter] = loaded = await self._load(adapter)
        finally:
            del self._under_way[adapter]
        return loaded


def _looked_at(task: "asyncio.Task[T]") -> None:
    """Read the failure, which asyncio would report if all who waited have gone."""
    if not task.cancelled():
        task.exception()
