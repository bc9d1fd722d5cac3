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
from caption_studio.records import BatchShare, Prompt


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

    @asynccontextmanager
    async def taken(self, prompt: Prompt) -> AsyncIterator[int]:
        """Wait until vLLM may have the prompt; yield its number there, in milliseconds.

        Raises `Overloaded` if too many of batches wait.
        """
        turn_s = self._clock()
        if prompt.request_class == "online" or not self._share.places:
            yield round(1000 * turn_s)
            return
        turn_s += self._share.patience_s
        sequences = min(prompt.sampling.n, self._share.places)
        await self._take(sequences)
        try:
            yield round(1000 * turn_s)
        finally:
            self._give_back(sequences)

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
