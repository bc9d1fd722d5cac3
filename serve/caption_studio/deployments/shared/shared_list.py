"""Records that are added and removed at run time, as every gateway knows them.

A gateway answers from its own copy, read again every second; an id that is not in it is
looked up at once. So an added record is known everywhere as soon as its addition is
answered, and a removed one is refused everywhere a second later.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

import msgspec
from ray.exceptions import RayError

from caption_studio.errors import RETRY_AFTER_S, NotReady
from caption_studio.snapshots import Snapshot, Snapshots, TooManyWriters

logger = logging.getLogger(__name__)

REFRESH_S = 1.0
TIMEOUT_S = 5.0


class Named(Protocol):
    """A record with an id."""

    @property
    def id(self) -> str:
        """The id, which no other record has."""
        ...


T = TypeVar("T", bound=Named)
R = TypeVar("R")


class SharedList(Generic[T]):
    """The records of one kind (`what`, for messages). Between `start` and `close`.

    They are stored as JSON; fields that this version does not know are left out. `on_change` is
    called after each change.
    """

    def __init__(
        self,
        what: str,
        snapshots: Snapshots,
        kind: type[T],
        on_change: Callable[[], None],
    ) -> None:
        self._what = what
        self._snapshots = snapshots
        self._read: Callable[[bytes], tuple[T, ...]] = msgspec.json.Decoder(
            tuple[kind, ...]  # type: ignore[valid-type]
        ).decode
        self._on_change = on_change
        self._snapshot = Snapshot(-1, b"")
        self._records: dict[str, T] = {}
        self._read_at_s = 0.0
        self._reading = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"shared-{what}")
        self._refreshing: asyncio.Task[None] | None = None

    @property
    def records(self) -> Mapping[str, T]:
        """The records of this gateway's copy, by id, the oldest first."""
        return self._records

    async def start(self) -> None:
        """Read the records and go on reading them. Raises `NotReady`."""
        await self.refresh()
        self._refreshing = asyncio.create_task(self._keep_fresh())

    async def close(self) -> None:
        """Stop reading."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            with suppress(asyncio.CancelledError):
                await self._refreshing
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def find(self, record_id: str) -> T | None:
        """Return the record with this id, which may have been added just now.

        Raises `NotReady`.
        """
        if record_id not in self._records:
            await self.refresh()
        return self._records.get(record_id)

    async def change(self, change: Callable[[dict[str, T]], None]) -> None:
        """Apply `change` to the latest records; it may be called several times.

        Raises what `change` raises, and `NotReady`.
        """

        def on_bytes(value: bytes) -> bytes:
            records = self._decoded(value)
            change(records)
            return msgspec.json.encode(tuple(records.values()))

        async with self._reading:
            self._take(await self._in_thread(lambda: self._snapshots.change(on_bytes)))

    async def refresh(self) -> None:
        """Read the records as of this call or later; one read serves all waiting callers.

        Raises `NotReady`.
        """
        asked_at_s = time.monotonic()
        async with self._reading:
            if self._read_at_s > asked_at_s:
                return
            started_s = time.monotonic()
            known = self._snapshot
            self._take(await self._in_thread(lambda: self._snapshots.latest(known)))
            self._read_at_s = started_s

    def _take(self, snapshot: Snapshot) -> None:
        if snapshot.version > self._snapshot.version:
            self._records = self._decoded(snapshot.value)
            self._snapshot = snapshot
            self._on_change()

    def _decoded(self, value: bytes) -> dict[str, T]:
        return {record.id: record for record in self._read(value)} if value else {}

    async def _in_thread(self, work: Callable[[], R]) -> R:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await loop.run_in_executor(self._thread, work)
        except (TimeoutError, TooManyWriters, OSError, RayError) as error:
            raise NotReady(
                f"The list of {self._what} cannot be reached just now.",
                retry_after_s=RETRY_AFTER_S,
            ) from error

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_S)
            try:
                await self.refresh()
            except NotReady:
                logger.warning("the list of %s could not be read again", self._what)
            except Exception:  # another version's records: the next change may be readable
                logger.exception("the list of %s could not be understood", self._what)
