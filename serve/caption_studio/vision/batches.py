"""Pictures that wait → batches: whatever gathered while the last one ran goes together.

Alone, a picture waits for nothing. `ray.serve.batch` (2.60) cannot do this: it closes a batch
before it waits for the running one to end, so without a pause every picture is a batch of its
own, and with a pause every picture waits for it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from caption_studio.records import Described, Description, Pixels

Describe = Callable[[Sequence[Pixels]], list[Description]]


@dataclass(frozen=True, slots=True)
class _Waiting:
    pixels: Pixels
    since_s: float
    described: asyncio.Future[Described]


class Batches:
    """Calls `describe` in `executor` with at most `max_size` pictures, one call at a time.

    How many may wait is the caller's to bound. A picture whose caller has gone is left out.
    """

    def __init__(self, describe: Describe, executor: Executor, *, max_size: int) -> None:
        self._describe = describe
        self._executor = executor
        self._max_size = max_size
        self._waiting: deque[_Waiting] = deque()
        self._working: asyncio.Task[None] | None = None

    async def submit(self, pixels: Pixels) -> Described:
        """Return the picture's description; raise what `describe` raised for it alone."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(pixels, loop.time(), loop.create_future())
        self._waiting.append(waiting)
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return await waiting.described

    async def _work(self) -> None:
        while batch := self._next():
            await self._run(batch)

    def _next(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        while self._waiting and len(batch) < self._max_size:
            waiting = self._waiting.popleft()
            if not waiting.described.done():
                batch.append(waiting)
        return batch

    async def _run(self, batch: Sequence[_Waiting]) -> None:
        try:
            await self._describe_together(batch)
        except Exception as error:  # anything: upstream's code ran
            if len(batch) == 1:
                _fail(batch[0], error)
                return
            for waiting in batch:  # one of them failed; the others need not
                await self._run([waiting])

    async def _describe_together(self, batch: Sequence[_Waiting]) -> None:
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        pictures = [waiting.pixels for waiting in batch]
        descriptions = await loop.run_in_executor(self._executor, self._describe, pictures)
        describe_s = loop.time() - started_s
        for waiting, description in zip(batch, descriptions, strict=True):
            if not waiting.described.done():
                queue_s = started_s - waiting.since_s
                waiting.described.set_result(Described(description, queue_s, describe_s))


def _fail(waiting: _Waiting, error: Exception) -> None:
    if not waiting.described.done():
        waiting.described.set_exception(error)
