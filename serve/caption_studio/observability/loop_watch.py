"""An event loop → how long its callbacks delay timers that are due.

A timer that is due waits for the running callback. Its delay, in CPU time of the loop's thread, is
the time that this callback (or a run of them) took. Time in which other processes had the CPU does
not count.
"""

import asyncio
import time

from caption_studio.counts import Counter
from caption_studio.records import Counts

INTERVAL_S = 0.02
"""Interval of the timers: a callback is measured as up to this much shorter than it is. Fifty
timers a second cost nothing."""

BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)


class LoopWatch:
    """Watches the loop in which it is started; it may be read from any thread."""

    def __init__(self) -> None:
        self._late = Counter(BOUNDS_S)
        self._timer: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Begin to watch."""
        self._wait(asyncio.get_running_loop())

    async def close(self) -> None:
        """Stop."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def read(self) -> Counts:
        """Return how late the timers were, in seconds of CPU time."""
        return self._late.read()

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        due_s = loop.time() + INTERVAL_S
        self._timer = loop.call_at(due_s, self._tick, loop, due_s, time.thread_time())

    def _tick(self, loop: asyncio.AbstractEventLoop, due_s: float, used_s: float) -> None:
        self._late.add(max(0.0, min(loop.time() - due_s, time.thread_time() - used_s)))
        self._wait(loop)
