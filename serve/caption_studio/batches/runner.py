"""A gateway's work on batches: finds one, holds its lease, works on it, and goes on to the next."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from caption_studio.batches.ids import created_at_s
from caption_studio.batches.kept import WINDOW_S
from caption_studio.batches.lease import RENEW_S, Lease, LeaseLost
from caption_studio.batches.tools import Tools
from caption_studio.batches.work import go_on
from caption_studio.errors import StoreUnavailable

logger = logging.getLogger(__name__)

POLL_S = 3.0
"""Interval at which a gateway without a batch looks for one."""

SLICE_S = 120.0
"""A batch is left after so long where others wait: large ones do not hold up small ones."""

SWEEP_S = 600.0
"""Interval at which expired files and old batches are deleted, and the most that it may take."""

RELEASE_S = 5.0
"""Time for handing a lease over; without it the next gateway waits until the lease ends."""

Found = tuple[str, str]
"""Owner and id of a batch."""


class BatchRunner:
    """Works on one batch at a time. `monotonic` gives seconds."""

    def __init__(self, tools: Tools, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._tools = tools
        self._monotonic = monotonic
        self._leases: dict[Found, Lease] = {}
        self._last: Found = ("", "")
        self._others_wait = False
        """Whether there are other batches than the one that is worked on."""
        self._is_new = asyncio.Event()
        self._swept_at_s = monotonic()

    def wake(self) -> None:
        """Look for work now: a batch was created."""
        self._is_new.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work in the background while the context lasts."""
        working = asyncio.create_task(self._work_on())
        try:
            yield
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working
            self._tools.threads.close()

    async def turn(self) -> bool:
        """Work on the next batch that no other gateway works on; return whether there was work.

        Raises `StoreUnavailable`.
        """
        threads, batches = self._tools.threads, self._tools.batches
        found = await threads.run(batches.open)
        self._leases = {one: lease for one, lease in self._leases.items() if one in found}
        now_s = self._tools.clock()
        after = [one for one in found if (one[1], one[0]) > (self._last[1], self._last[0])]
        for one in (*after, *(one for one in found if one not in after)):
            owner, batch_id = one
            if not self._tools.caller.knows(owner) and now_s < created_at_s(batch_id) + WINDOW_S:
                continue
            lease = self._leases.get(one)
            if lease is None:
                lease = self._leases[one] = batches.lease(owner, batch_id, self._monotonic)
            if await threads.run(lease.take):
                self._last = one
                self._others_wait = len(found) > 1
                return await self._hold(lease, one)
        return False

    async def _hold(self, lease: Lease, one: Found) -> bool:
        """Work on a batch while its lease can be kept, and release it; return as `go_on`."""
        began_s = self._monotonic()

        def pauses() -> bool:
            is_long = self._monotonic() - began_s > SLICE_S
            return not lease.is_held or (self._others_wait and is_long)

        working = asyncio.create_task(go_on(self._tools, *one, lease, pauses))
        keeping = asyncio.create_task(self._keep(lease))
        try:
            await asyncio.wait({working, keeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (working, keeping):
                task.cancel()
            worked, _ = await asyncio.gather(working, keeping, return_exceptions=True)
            del self._leases[one]  # a renewal that hangs may still change it
            with suppress(StoreUnavailable):
                await self._tools.threads.run_within(RELEASE_S, lease.release)
        if isinstance(worked, Exception) and not isinstance(worked, LeaseLost):
            raise worked
        return worked is not False

    async def _keep(self, lease: Lease) -> None:
        """Renew the lease; return once it is lost or may be, while a renewal hangs too."""
        threads = self._tools.threads
        await asyncio.sleep(RENEW_S)
        while lease.is_held:
            try:
                await threads.run_within(lease.left_s, lease.renew)
                found = await threads.run_within(RENEW_S, self._tools.batches.open)
                self._others_wait = len(found) > 1
            except LeaseLost:
                break
            except StoreUnavailable:
                pass  # it is logged where the store failed
            await asyncio.sleep(RENEW_S)
        logger.warning("a batch is another gateway's now")

    async def _work_on(self) -> None:
        while True:
            self._is_new.clear()
            has_worked = False
            with _survived("a batch could not be worked on"):
                has_worked = await self.turn()
            # By itself: a store without room fails every turn, and this makes room.
            with _survived("expired files could not be deleted"):
                await self._sweep_when_due()
            if not has_worked:
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S):
                        await self._is_new.wait()

    async def _sweep_when_due(self) -> None:
        if self._monotonic() - self._swept_at_s < SWEEP_S:
            return
        self._swept_at_s = self._monotonic()
        threads = self._tools.threads
        files = await threads.run_within(SWEEP_S, self._tools.files.sweep)
        batches = await threads.run_within(SWEEP_S, self._tools.batches.sweep)
        if files or batches:
            logger.info("expired files deleted", extra={"files": files, "batches": batches})


@contextmanager
def _survived(what: str) -> Iterator[None]:
    """Log a failure and go on; `what` says what failed."""
    try:
        yield
    except StoreUnavailable:
        pass  # it is logged where the store failed
    except Exception:
        logger.exception(what)
