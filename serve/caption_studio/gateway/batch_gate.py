"""Places for requests of batches: those that callers online leave, and at least one.

Online requests are admitted as if there were no batches (gateway.admission). Where three callers
more than usual are there, a batch has three places fewer than its setting; where three are missing,
it has three more. So the models have the same number of requests at a time, and a rush of callers
does not come on top of the batch. While there are callers, a batch begins a request only if this
gateway has fewer than an engine answers together, and none online had to wait for a stage lately.
One is always under way, so that a batch ends, whatever the load.

Callers whose keys are of class `batch` get the same places: the next one is theirs and a batch's in
turn. Those who wait hold a connection, so they are few.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from caption_studio.errors import RETRY_AFTER_S, Overloaded
from caption_studio.gateway.places import Places

MOST = 2
"""A batch has at most this multiple of `max_in_flight`, however few callers are there."""

LOOK_S = 0.005
"""Interval at which the first of those who wait looks for room: a hundredth of a request's time."""


class BatchGate:
    """`batches.tools.Gate` beside the places of requests online.

    `batch_size` is how many requests an engine answers together; `max_in_flight`, the average of
    those of batches, may be less. Twice as many callers may be inside, those who wait included, and
    half of them may be one key's.
    """

    def __init__(self, online: Places, *, max_in_flight: int, batch_size: int) -> None:
        self._online = online
        self._max_in_flight = min(max_in_flight, batch_size)
        self._batch_size = batch_size
        self._in_flight = 0
        self._callers: Counter[Hashable] = Counter()
        self._first = asyncio.Lock()
        self._first_caller = asyncio.Lock()

    @property
    def room(self) -> int:
        """Return how many requests of class `batch` may be under way now."""
        online = self._online.in_flight
        if online and self._online.wait_for_stages:
            return 1
        level = round(self._max_in_flight + self._online.usual) - online
        return max(1, min(level, MOST * self._max_in_flight, self._batch_size - online))

    @property
    def callers(self) -> int:
        """Return how many requests of callers are inside, those who wait included."""
        return self._callers.total()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """See `batches.tools.Gate`."""
        await self._enter()
        try:
            yield
        finally:
            self._in_flight -= 1

    @asynccontextmanager
    async def place_of_caller(self, owner: Hashable) -> AsyncIterator[None]:
        """Wait for a place for a caller's request, and hold it while the context lasts.

        Raises `Overloaded` at once if too many are inside.
        """
        most = 2 * self._max_in_flight
        if self.callers >= most or self._callers[owner] >= most // 2:
            raise Overloaded("Too many requests of batches wait.", retry_after_s=RETRY_AFTER_S)
        self._callers[owner] += 1
        try:
            async with self._first_caller:
                await self._enter()
            try:
                yield
            finally:
                self._in_flight -= 1
        finally:
            self._callers[owner] -= 1
            if not self._callers[owner]:
                del self._callers[owner]

    async def _enter(self) -> None:
        async with self._first:  # its line is first come, first served
            # Room comes by answers online as well as by ours: there is nothing to be awaited.
            while self._in_flight >= self.room:  # noqa: ASYNC110
                await asyncio.sleep(LOOK_S)
            self._in_flight += 1
