"""Adapter → the LoRA request that vLLM applies with a prompt, loaded into the engine once.

Not here: where an adapter's files come from and whether they fit (language.adapters).
"""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from vllm.lora.request import LoRARequest
from vllm.v1.engine.exceptions import EngineDeadError

from caption_studio.errors import EngineFailure, InvalidAdapter, NotReady
from caption_studio.language.adapters.check import target_modules
from caption_studio.language.adapters.loader import LoadedAdapters
from caption_studio.language.adapters.service import AdapterService, for_callers
from caption_studio.language.engine_verdict import dead
from caption_studio.records import Adapter

logger = logging.getLogger(__name__)


class EngineAdapters:
    """The adapters of one engine.

    `add` hands one to vLLM. The adapters cannot be used before `open`, since the checks need the
    base model. None is taken unless `taken`.
    """

    def __init__(self, add: Callable[[LoRARequest], Awaitable[object]], *, taken: bool) -> None:
        self._add = add
        self._taken = taken
        self._numbers = itertools.count(1)
        self._loaded = LoadedAdapters(self._load)
        self._service: AdapterService | None = None

    def open(self, service: AdapterService) -> None:
        """Prepare adapters by this service, which `close` ends."""
        self._service = service

    def close(self) -> None:
        """End the service."""
        if self._service is not None:
            self._service.close()
            self._service = None

    async def prepare_configured(self, adapter: Adapter) -> frozenset[str]:
        """Prepare one of the settings; return the names of the modules that it has weights for.

        Raises `InvalidAdapter` or `AdapterUnavailable`.
        """
        try:
            stored = await self._running().prepare(adapter)
        except InvalidAdapter as error:
            raise InvalidAdapter(
                f"The adapter {adapter.id!r} of the settings: {error.message}", param=error.param
            ) from error
        return await asyncio.to_thread(target_modules, stored.folder)

    async def load(self, adapter: Adapter) -> LoRARequest:
        """Load it, unless it is loaded already.

        Raises `InvalidAdapter`, `AdapterUnavailable`, `EngineFailure` or `EngineDied`.
        """
        return await self._loaded.get(adapter)

    async def load_pinned(self, adapter: Adapter) -> Adapter:
        """Load it; return it with its digest, which pins its files. Raises as `load`."""
        stored = await self._running().prepare(adapter)
        pinned = replace(adapter, digest=stored.digest)
        await self.load(pinned)
        return pinned

    async def load_for_prompt(self, adapter: Adapter | None) -> LoRARequest | None:
        """Load the adapter that a prompt names, if any.

        It was valid when it was added, so it is `AdapterUnavailable` where it no longer is.
        Raises as `load` otherwise.
        """
        if adapter is None:
            return None
        try:
            return await self.load(adapter)
        except InvalidAdapter as error:
            raise for_callers(adapter, error) from error

    async def _load(self, adapter: Adapter) -> LoRARequest:
        """Hand the adapter's checked copy to vLLM, under a name and a number never used again.

        vLLM identifies adapters by the number, and their requests and prefix cache entries by
        the name. An adapter that came back with new weights under its old name would reuse the
        old keys and values.
        """
        if not self._taken:
            raise InvalidAdapter("This service was started without adapters.", param="source")
        stored = await self._running().prepare(adapter)
        number = next(self._numbers)
        request = LoRARequest(f"{adapter.id}#{number}", number, str(stored.folder))
        try:
            await self._add(request)
        except EngineDeadError as error:
            raise dead() from error
        except Exception as error:
            # vLLM passes on an exception of its process as a bare Exception with the text.
            raise EngineFailure("The captioner could not load this adapter.") from error
        logger.info("adapter loaded", extra={"adapter": adapter.id})
        return request

    def _running(self) -> AdapterService:
        if self._service is None:
            raise NotReady("The captioner is starting.")
        return self._service
