"""Places for requests of batches: those that callers online leave, and at least one.

Online requests are admitted as if there were no batches (gateway.admission). While there are any,
a batch begins a request only if this gateway has fewer than an engine answers together, and none
online had to wait for a stage lately. One is always under way, so that a batch ends, whatever the
load. Without callers there are as many as an engine answers together, and no more: the first caller
would have to wait for those in the engine's queue.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from caption_studio.gateway.places import Places

LOOK_S = 0.02
"""Interval at which a waiting request looks for room."""


class BatchGate:
    """`batches.tools.Gate` beside the places of requests online.

    `batch_size` is how many requests an engine answers together; `max_in_flight` may be less.
    """

    def __init__(self, online: Places, *, max_in_flight: int, batch_size: int) -> None:
        self._online = online
        self._max_in_flight = min(max_in_flight, batch_size)
        self._batch_size = batch_size
        self._in_flight = 0

    @property
    def room(self) -> int:
        """Return how many requests of batches may be under way now."""
        if not self._online.in_flight:
            return self._max_in_flight
        if self._online.wait_for_stages:
            return 1
        return max(1, min(self._max_in_flight, self._batch_size - self._online.in_flight))

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """See `batches.tools.Gate`."""
        # Room comes by answers online as well as by ours, and by nothing that could be awaited.
        while self._in_flight >= self.room:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1
