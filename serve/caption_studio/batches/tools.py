"""What the work on any batch needs, and how it answers a request."""

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from caption_studio.batches.files import Files
from caption_studio.batches.kept import Batches
from caption_studio.batches.threads import StoreThreads


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as a caller online would have got it. `body` is JSON."""

    status: int
    body: bytes
    retry_after_s: int | None = None


class Caller(Protocol):
    """Answers requests for the owners of batches."""

    def knows(self, owner: str) -> bool:
        """Return whether the owner is served: its key is still configured."""
        ...

    async def call(
        self, owner: str, endpoint: str, body: bytes, *, request_id: str, batch_id: str
    ) -> Reply:
        """Return the answer to one request, which may be a failure."""
        ...


class Gate(Protocol):
    """The places for requests of batches."""

    def place(self) -> AbstractAsyncContextManager[None]:
        """Wait for a place, and hold it while the context lasts."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the work on any batch needs. `clock` gives seconds since 1970.

    `threads` are the runner's own: calls of others that hang must not hold up a lease's renewal.
    """

    files: Files
    batches: Batches
    threads: StoreThreads
    caller: Caller
    gate: Gate
    max_line_bytes: int
    clock: Callable[[], float] = time.time
