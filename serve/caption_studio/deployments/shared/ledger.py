"""The one ledger of an application's limits and usage: a Ray actor that outlives every gateway.

The actor is named and detached: the first gateway creates it, and Ray restarts it if it dies. After
a restart the gateways tell it what was spent in the last minute; it saves the usage in Ray's
key-value store every `SAVE_S`. If no gateway calls for `ABANDONED_S`, its application is gone and
it ends itself.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import ray
from ray.exceptions import RayError

from caption_studio.deployments.shared.key_value import RayKeyValueStore
from caption_studio.errors import RETRY_AFTER_S, NotReady
from caption_studio.gateway.limits.central import Central
from caption_studio.gateway.limits.ledger import Ledger
from caption_studio.gateway.limits.messages import Line, Report, Statement, Verdict
from caption_studio.gateway.limits.usage import UsageBook
from caption_studio.records import UsageTotals

logger = logging.getLogger(__name__)

T = TypeVar("T")

VERSION = 1
"""Version of the messages between gateways and ledger; each version has its own actor."""

SAVE_S = 1.0
ABANDONED_S = 60.0
CALL_TIMEOUT_S = 5.0
BOOK = "book"


class LedgerActor:
    """`Central` for the gateways of one application. Its methods run on one event loop."""

    def __init__(self, application: str) -> None:
        self._store = RayKeyValueStore("usage", application)
        self._central = Central(Ledger(time.monotonic), _book(self._store))
        self._heard_at_s = time.monotonic()
        self._saving: asyncio.Task[None] | None = None

    async def exchange(self, report: Report) -> Statement:
        """See `messages.CentralLedger`."""
        self._heard_at_s = time.monotonic()
        if self._saving is None:
            self._saving = asyncio.create_task(self._save_on())
        return self._central.exchange(report)

    async def take(self, gateway: str, line: Line, amount: int) -> Verdict:
        """See `messages.CentralLedger`."""
        return self._central.take(gateway, line, amount)

    async def leave(self, gateway: str) -> None:
        """See `messages.CentralLedger`."""
        self._central.leave(gateway)
        await self._save()

    async def usage(self) -> UsageTotals:
        """See `messages.CentralLedger`."""
        return self._central.book.totals()

    async def _save_on(self) -> None:
        while time.monotonic() - self._heard_at_s < ABANDONED_S:
            await asyncio.sleep(SAVE_S)
            await self._save()
        ray.kill(ray.get_runtime_context().current_actor)

    async def _save(self) -> None:
        if not self._central.book.has_changed:
            return
        try:
            await asyncio.to_thread(self._store.put, BOOK, self._central.book.dump())
        except (OSError, RayError):
            self._central.book.has_changed = True
            logger.warning("the usage of keys could not be saved")


class RayLedger:
    """`messages.CentralLedger` in the actor of one application."""

    def __init__(self, application: str) -> None:
        self._application = application
        self._actor: Any = None

    async def exchange(self, report: Report) -> Statement:
        """See `messages.CentralLedger`."""
        return await self._call(lambda actor: actor.exchange.remote(report))

    async def take(self, gateway: str, line: Line, amount: int) -> Verdict:
        """See `messages.CentralLedger`."""
        return await self._call(lambda actor: actor.take.remote(gateway, line, amount))

    async def leave(self, gateway: str) -> None:
        """See `messages.CentralLedger`."""
        await self._call(lambda actor: actor.leave.remote(gateway))

    async def usage(self) -> UsageTotals:
        """See `messages.CentralLedger`."""
        return await self._call(lambda actor: actor.usage.remote())

    async def _call(self, call: Callable[[Any], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                if self._actor is None:
                    self._actor = await asyncio.to_thread(_actor, self._application)
                return await call(self._actor)
        except (TimeoutError, OSError, RayError, ValueError) as error:
            self._actor = None  # it may have ended itself: the next call makes a new one
            raise NotReady(
                "Limits and usage cannot be reached just now.", retry_after_s=RETRY_AFTER_S
            ) from error


def _actor(application: str) -> Any:
    """Return the application's actor, made if there is none. Blocking."""
    return (
        ray.remote(LedgerActor)
        .options(
            name=f"caption-studio-ledger-{VERSION}-{application}",
            namespace="caption-studio",
            lifetime="detached",
            get_if_exists=True,
            num_cpus=0,
            max_restarts=-1,
        )
        .remote(application)
    )


def _book(store: RayKeyValueStore) -> UsageBook:
    try:
        return UsageBook(time.time, store.get(BOOK))
    except ValueError:
        logger.warning("the saved usage of keys cannot be read; it is counted anew")
        return UsageBook(time.time)
