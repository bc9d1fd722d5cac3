"""Pixels → Description, once for each picture: shared while it is described, cached afterwards.

The key is a hash of the pixels that the model sees, with their shape, so the same picture in
another format or under another name is a hit. Descriptions are cached, not captions: another voice,
`n` or temperature still gets fresh text. Each replica has its own cache; equal pictures go to the
same replica (deployments.routing).

A caller online does not share what is under way for a batch: it would have to wait as long.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from caption_studio.records import CacheResult, Described, Pixels, RequestClass

Describe = Callable[[Pixels, RequestClass], Awaitable[Described]]
Key = tuple[bytes, int, int]
Shared = tuple[Key, RequestClass]

DIGEST_BYTES = 16
"""128 bits: among a million pictures the odds of two alike are 1 in 10^26."""


@dataclass(slots=True)
class _UnderWay:
    task: asyncio.Task[Described]
    callers: int = 0


class DescriptionCache:
    """Calls `describe` once for each picture among the last `size` different ones.

    With size 0 it calls it for every picture. A failure is raised to all callers that share it and
    is not cached. A description is cancelled when all its callers have gone.
    """

    def __init__(self, describe: Describe, *, size: int) -> None:
        self._describe = describe
        self._size = size
        self._known: OrderedDict[Key, Described] = OrderedDict()
        self._under_way: dict[Shared, _UnderWay] = {}

    async def describe(self, pixels: Pixels, request_class: RequestClass = "online") -> Described:
        """Return the picture's description and its `CacheResult`; raise what `describe` raises."""
        if self._size == 0:
            return await self._describe(pixels, request_class)
        key = _key(pixels)
        if (known := self._known.get(key)) is not None:
            self._known.move_to_end(key)
            return replace(known, queue_s=0.0, describe_s=0.0, cache="hit")
        result: CacheResult = "shared"
        shared = (key, request_class)
        under_way = self._under_way.get(shared)
        if under_way is None:
            task = asyncio.create_task(self._run(shared, pixels))
            under_way = self._under_way[shared] = _UnderWay(task)
            result = "miss"
        return replace(await self._wait(shared, under_way), cache=result)

    async def _wait(self, shared: Shared, under_way: _UnderWay) -> Described:
        under_way.callers += 1
        try:
            return await asyncio.shield(under_way.task)
        finally:
            under_way.callers -= 1
            if under_way.callers == 0 and not under_way.task.done():
                self._forget(shared, under_way)
                under_way.task.cancel()

    async def _run(self, shared: Shared, pixels: Pixels) -> Described:
        under_way = self._under_way[shared]
        key, request_class = shared
        try:
            described = await self._describe(pixels, request_class)
        finally:
            self._forget(shared, under_way)
        self._known[key] = described
        if len(self._known) > self._size:
            self._known.popitem(last=False)
        return described

    def _forget(self, shared: Shared, under_way: _UnderWay) -> None:
        """Let the next caller start anew; another may have done so already."""
        if self._under_way.get(shared) is under_way:
            del self._under_way[shared]


def _key(pixels: Pixels) -> Key:
    digest = hashlib.blake2b(pixels.data, digest_size=DIGEST_BYTES).digest()
    return digest, pixels.height_px, pixels.width_px
