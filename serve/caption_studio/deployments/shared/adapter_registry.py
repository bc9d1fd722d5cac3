"""The adapters of the settings and those added at run time, as every gateway knows them.

A gateway answers from its own copy, read again every second; an id that is not in it is
looked up at once. So an added adapter is known everywhere as soon as its addition is
answered, and a removed one is refused everywhere a second later.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from typing import TypeVar

from ray.exceptions import RayError

from caption_studio.deployments.shared.snapshots import Snapshot, Snapshots, TooManyWriters
from caption_studio.errors import (
    RETRY_AFTER_S,
    AdapterExists,
    AdapterIsConfigured,
    InvalidAdapter,
    NotReady,
)
from caption_studio.language.adapters.configured import ConfiguredAdapters, no_such_model
from caption_studio.records import Adapter

logger = logging.getLogger(__name__)

T = TypeVar("T")

REFRESH_S = 1.0
TIMEOUT_S = 5.0
MAX_ADAPTERS = 1000
"""Limit on adapters added at run time, because the whole list is stored as one small value."""


class RunTimeAdapters:
    """`protocols.AdapterRegistry` over shared snapshots. Between `start` and `close`.

    `on_change` is called after each change of the list, with a function that tells whether a model
    is known.
    """

    def __init__(
        self,
        configured: ConfiguredAdapters,
        snapshots: Snapshots,
        on_change: Callable[[Callable[[str], bool]], None],
    ) -> None:
        self._configured = configured
        self._snapshots = snapshots
        self._on_change = on_change
        self._snapshot = Snapshot(-1, b"")
        self._added: dict[str, Adapter] = {}
        self._read_at_s = 0.0
        self._reading = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="adapter-registry")
        self._refreshing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read the adapters and go on reading them. Raises `NotReady`."""
        await self._refresh()
        self._refreshing = asyncio.create_task(self._keep_fresh())

    async def close(self) -> None:
        """Stop reading."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            with suppress(asyncio.CancelledError):
                await self._refreshing
        self._thread.shutdown(wait=False, cancel_futures=True)

    def listed(self) -> tuple[Adapter, ...]:
        """See `protocols.AdapterCatalog`."""
        return (*self._configured.listed(), *self._added.values())

    async def resolve(self, model: str) -> Adapter | None:
        """See `protocols.AdapterCatalog`."""
        if self._configured.knows(model):
            return await self._configured.resolve(model)
        if model not in self._added:
            await self._refresh()
        if model not in self._added:
            known = (self._configured.base, *(adapter.id for adapter in self.listed()))
            raise no_such_model(model, known)
        return self._added[model]

    async def check_free(self, adapter_id: str) -> None:
        """See `protocols.AdapterRegistry`."""
        await self._refresh()
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

        await self._change(added)

    async def remove(self, adapter_id: str) -> None:
        """See `protocols.AdapterRegistry`."""
        if self._configured.knows(adapter_id):
            raise AdapterIsConfigured(
                "This model stands in the settings; only they can remove it.", param="id"
            )

        def removed(adapters: dict[str, Adapter]) -> None:
            if adapters.pop(adapter_id, None) is None:
                raise no_such_model(adapter_id, tuple(adapters), param="id")

        await self._change(removed)

    async def _change(self, change: Callable[[dict[str, Adapter]], None]) -> None:
        def on_bytes(value: bytes) -> bytes:
            adapters = _decoded(value)
            change(adapters)
            return _encoded(adapters)

        async with self._reading:
            self._take(await self._in_thread(lambda: self._snapshots.change(on_bytes)))

    async def _refresh(self) -> None:
        """Read the adapters as of this call or later; one read serves all waiting callers."""
        asked_at_s = time.monotonic()
        async with self._reading:
            if self._read_at_s > asked_at_s:
                return
            started_s = time.monotonic()
            known = self._snapshot
            self._take(await self._in_thread(lambda: self._snapshots.latest(known)))
            self._read_at_s = started_s

    def _take(self, snapshot: Snapshot) -> None:
        if snapshot.version > self._snapshot.version:
            self._snapshot = snapshot
            self._added = _decoded(snapshot.value)
            self._on_change(self._knows)

    def _knows(self, model: str) -> bool:
        return self._configured.knows(model) or model in self._added

    async def _in_thread(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await loop.run_in_executor(self._thread, work)
        except (TimeoutError, TooManyWriters, OSError, RayError) as error:
            raise NotReady(
                "The list of adapters cannot be reached just now.", retry_after_s=RETRY_AFTER_S
            ) from error

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_S)
            try:
                await self._refresh()
            except NotReady:
                logger.warning("the list of adapters could not be read again")


def _exists(adapter_id: str) -> AdapterExists:
    return AdapterExists(f"There is a model {adapter_id!r} already.", param="id")


def _encoded(adapters: dict[str, Adapter]) -> bytes:
    return json.dumps([asdict(adapter) for adapter in adapters.values()]).encode()


def _decoded(value: bytes) -> dict[str, Adapter]:
    entries = json.loads(value) if value else []
    return {entry["id"]: Adapter(**entry) for entry in entries}
