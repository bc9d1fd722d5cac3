"""Which prompts of batches vLLM has, and before whom its queue puts them; on one event loop.

vLLM begins waiting prompts in the order of a number (`scheduling_policy="priority"`), and takes no
place from a sequence that runs, whatever its number. So prompts of batches are limited here, to
places that vLLM has in addition.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from caption_studio.errors import RETRY_AFTER_S, Overloaded
from caption_studio.records import BatchShare, Prompt, RequestClass


class Turns:
    """Admits prompts to vLLM. `max_waiting` prompts of batches may wait. `clock` gives seconds."""

    def __init__(
        self,
        share: BatchShare,
        *,
        max_waiting: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._share = share
        self._max_waiting = max_waiting
        self._clock = clock
        self._free = share.places
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def of_batches(self) -> int:
        """Return how many sequences of batches vLLM has."""
        return self._share.places - self._free

    @property
    def waiting(self) -> int:
        """Return how many prompts of batches wait here; from any thread."""
        return len(self._waiting)

    def together(self, prompt: Prompt) -> int:
        """Return how many of the prompt's choices vLLM may have at a time."""
        return self._share.places if self._waits(prompt.request_class) else prompt.sampling.n

    @asynccontextmanager
    async def taken(self, request_class: RequestClass, sequences: int) -> AsyncIterator[int]:
        """Wait until vLLM may have a prompt; yield its number there, in milliseconds.

        Raises `Overloaded` if too many of batches wait.
        """
        turn_s = self._clock()
        if not self._waits(request_class):
            yield round(1000 * turn_s)
            return
        turn_s += self._share.patience_s
        await self._take(sequences)
        try:
            yield round(1000 * turn_s)
        finally:
            self._give_back(sequences)

    def _waits(self, request_class: RequestClass) -> bool:
        return request_class == "batch" and self._share.places > 0

    async def _take(self, sequences: int) -> None:
        if not self._waiting and sequences <= self._free:
            self._free -= sequences
            return
        if len(self._waiting) >= self._max_waiting:
            raise Overloaded("Too many requests of batches wait.", retry_after_s=RETRY_AFTER_S)
        place = (sequences, asyncio.get_running_loop().create_future())
        self._waiting.append(place)
        try:
            await place[1]
        except asyncio.CancelledError:
            if place[1].cancelled():
                with suppress(ValueError):
                    self._waiting.remove(place)
                self._begin_next()
            else:
                self._give_back(sequences)  # it had just got its places
            raise

    def _give_back(self, sequences: int) -> None:
        self._free += sequences
        self._begin_next()

    def _begin_next(self) -> None:
        """Let in as many as fit, in the order in which they came."""
        while self._waiting and self._waiting[0][0] <= self._free:
            sequences, turn = self._waiting.popleft()
            if not turn.done():
                self._free -= sequences
                turn.set_result(None)
