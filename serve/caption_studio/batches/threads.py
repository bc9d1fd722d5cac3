"""The threads in which the store is used: its calls block."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from caption_studio.errors import StoreUnavailable
from caption_studio.threads import started_pool

THREADS = 8
TIMEOUT_S = 60.0
"""Limit for one call: a page of records, a chunk of a file."""

P = ParamSpec("P")
T = TypeVar("T")


class StoreThreads:
    """Runs blocking calls in threads with a name. `close` ends it."""

    def __init__(self, name: str) -> None:
        self._pool = started_pool(THREADS, name)

    async def run(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `work` returns. Raises what it raises, `StoreUnavailable` if it hangs."""
        return await self.run_within(TIMEOUT_S, work, *args, **kwargs)

    async def run_within(
        self, timeout_s: float, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return what `work` returns. Raises as `run` does; a call that hangs goes on by itself."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self.run_long(work, *args, **kwargs)
        except TimeoutError as error:
            raise StoreUnavailable("The store of files and batches does not answer.") from error

    async def run_long(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `work` returns, however long it takes: it reads or writes whole files."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: work(*args, **kwargs))

    def close(self) -> None:
        """Give up the threads without waiting for calls that hang."""
        self._pool.shutdown(wait=False, cancel_futures=True)
