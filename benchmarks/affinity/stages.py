"""Stand-ins for the two stages: the service's own cache around a model that sleeps."""

import asyncio
from collections import OrderedDict
from typing import Literal

from caption_studio.records import Described, Description, Pixels, Prompt, RequestClass
from caption_studio.vision.description_cache import DescriptionCache

Way = Literal["affinity", "two choices"]
"""Our router, or Serve's: the less busy of two random replicas."""

BASE_S = 0.010
EACH_S = 0.001
MAX_BATCH = 64
"""n pictures together take `BASE_S + EACH_S * n`; a replica has one batch at a time."""

ROOM = 4
"""Adapters in a captioner's model at a time, the default of `language.max_loaded_adapters`."""
ADAPTER_LOAD_S = 0.050
CAPTION_S = 0.050

CACHE_SIZE = 10_000
"""The default of `vision.cache_size`."""


class Describer:
    """Describes in batches of at most `most`, by sleeping."""

    def __init__(self, most: int = MAX_BATCH) -> None:
        self._most = most
        self._cache = DescriptionCache(self._describe, size=CACHE_SIZE)
        self._waiting: list[asyncio.Future[None]] = []
        self._running: asyncio.Task[None] | None = None

    async def describe(self, pixels: Pixels) -> str:
        """Return what the cache did: `miss`, `hit` or `shared`."""
        return (await self._cache.describe(pixels)).cache

    async def _describe(self, pixels: Pixels, _: RequestClass) -> Described:
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        await done
        return Described(Description("a picture"), queue_s=0.0, describe_s=0.0)

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            await asyncio.sleep(BASE_S + EACH_S * len(batch))
            for done in batch:
                if not done.done():
                    done.set_result(None)


class Captioner:
    """Captions with one of `ROOM` adapters; another is loaded in the place of the oldest."""

    def __init__(self) -> None:
        self._loaded: OrderedDict[str, asyncio.Task[None]] = OrderedDict()

    async def complete(self, prompt: Prompt) -> str:
        """Return `load` if this prompt's adapter had to be loaded, else `kept`."""
        if prompt.adapter is None:
            raise ValueError("every prompt here has an adapter")
        name = prompt.adapter.id
        did = "kept" if name in self._loaded else "load"
        if did == "load":
            self._loaded[name] = asyncio.create_task(asyncio.sleep(ADAPTER_LOAD_S))
            if len(self._loaded) > ROOM:
                self._loaded.popitem(last=False)
        self._loaded.move_to_end(name)
        await self._loaded[name]
        await asyncio.sleep(CAPTION_S)
        return did
