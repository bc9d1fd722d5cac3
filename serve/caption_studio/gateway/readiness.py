"""Readiness checks, shared by all callers.

Anyone may ask at any rate, and a check calls the controller and both stages. So one check runs at a
time, and its result is valid for a second.
"""

import asyncio
import copy
import time
from collections.abc import Awaitable, Callable

from caption_studio.errors import CaptionStudioError

STANDS_S = 1.0


class SharedCheck:
    """Shares one check, which raises `CaptionStudioError`. `clock` gives seconds."""

    def __init__(
        self, check: Callable[[], Awaitable[None]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._check = check
        self._clock = clock
        self._running: asyncio.Task[CaptionStudioError | None] | None = None
        self._ended_at_s: float | None = None

    async def __call__(self) -> None:
        """Return or raise the result of the running check, or of the last one while it is valid."""
        if self._running is None or self._is_old():
            self._ended_at_s = None
            self._running = asyncio.create_task(self._result())
        failure = await asyncio.shield(self._running)  # a caller that leaves does not cancel it
        if failure is not None:
            raise copy.copy(failure)

    def _is_old(self) -> bool:
        return self._ended_at_s is not None and self._clock() - self._ended_at_s >= STANDS_S

    async def _result(self) -> CaptionStudioError | None:
        try:
            await self._check()
            return None
        except CaptionStudioError as error:
            return error.with_traceback(None)
        finally:
            self._ended_at_s = self._clock()
