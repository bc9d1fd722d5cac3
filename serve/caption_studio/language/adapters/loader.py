"""Adapter → the engine's handle for it: loaded on first use, once for all concurrent callers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from caption_studio.records import Adapter

T = TypeVar("T")


class LoadedAdapters(Generic[T]):
    """Caches loaded adapters; a failed load raises for all its waiters and is not cached.

    It keeps one entry for each adapter that this process ever used: a few hundred bytes for
    each time that an operator adds one.
    """

    def __init__(self, load: Callable[[Adapter], Awaitable[T]]) -> None:
        self._load = load
        self._loaded: dict[Adapter, T] = {}
        self._under_way: dict[Adapter, asyncio.Task[T]] = {}

    async def get(self, adapter: Adapter) -> T:
        """Return the handle, loading the adapter if needed. Raises what its load raised."""
        if adapter in self._loaded:
            return self._loaded[adapter]
        task = self._under_way.get(adapter)
        if task is None:
            task = asyncio.create_task(self._load_once(adapter))
            task.add_done_callback(_looked_at)
            self._under_way[adapter] = task
        # A cancelled caller does not cancel the load for the others.
        return await asyncio.shield(task)

    async def _load_once(self, adapter: Adapter) -> T:
        try:
            self._loaded[adapter] = loaded = await self._load(adapter)
        finally:
            del self._under_way[adapter]
        return loaded


def _looked_at(task: "asyncio.Task[T]") -> None:
    """Retrieve the failure, which asyncio would log if no waiter is left."""
    if not task.cancelled():
        task.exception()
