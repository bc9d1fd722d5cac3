"""Adapter → a folder that vLLM may load: fetched and checked in worker threads.

The file system, the network and the check of megabytes of numbers never block the event
loop, and at most two adapters are prepared at a time.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

from caption_studio.errors import AdapterUnavailable, InvalidAdapter
from caption_studio.language.adapters.check import BaseModel, check
from caption_studio.language.adapters.store import AdapterStore, StoredAdapter
from caption_studio.records import Adapter
from caption_studio.settings import LanguageSettings
from caption_studio.threads import started_pool

logger = logging.getLogger(__name__)

T = TypeVar("T")

THREADS = 2
GRACE_S = 10.0
"""Added to the fetch timeout: for the check, and for a file system that does not respond."""


class AdapterService:
    """Prepares adapters for one base model."""

    def __init__(self, settings: LanguageSettings, base: BaseModel) -> None:
        self._settings = settings
        self._base = base
        self._store = AdapterStore(settings)
        self._threads = started_pool(THREADS, "adapters")

    async def prepare(self, adapter: Adapter) -> StoredAdapter:
        """Return the adapter's checked copy.

        Raises:
            InvalidAdapter: it does not fit, or its source is refused.
            AdapterUnavailable: its source cannot be reached in time.
        """

        def blocking() -> StoredAdapter:
            stored = self._store.get(adapter)
            check(
                stored.folder,
                self._base,
                max_rank=self._settings.max_lora_rank,
                any_base=adapter.any_base,
            )
            return stored

        return await self._in_thread(blocking)

    def close(self) -> None:
        """Shut the threads down without waiting; queued work is cancelled."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._settings.adapter_fetch_timeout_s + GRACE_S):
                return await loop.run_in_executor(self._threads, work)
        except (TimeoutError, OSError) as error:
            logger.warning("an adapter could not be prepared: %s", error.strerror or "timeout")
            raise AdapterUnavailable("The adapter's files cannot be had just now.") from error


def for_callers(adapter: Adapter, error: InvalidAdapter) -> AdapterUnavailable:
    """Return the error for a caller who only named the adapter: it was valid when it was added."""
    return AdapterUnavailable(
        f"The adapter {adapter.id!r} cannot be loaded just now. {error.message}", param="model"
    )
