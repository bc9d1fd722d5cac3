"""When requests are sent: as callers come free, or at set times whatever the answers do."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence

from benchmarks.client import Now

Send = Callable[[int, float], Awaitable[None]]
"""Sends the round's request at a place in its plan, due at a time; returns when it ended."""


async def closed_loop(send: Send, *, places: int, callers: int, now: Now, until_s: float) -> None:
    """Let `callers` ask one after the other until the time, or the requests, are used up.

    Requests that are under way at the end are waited for.
    """
    places_left = iter(range(places))
    await asyncio.gather(*(_caller(send, places_left, now, until_s) for _ in range(callers)))


async def _caller(send: Send, places: Iterator[int], now: Now, until_s: float) -> None:
    while (due_s := now()) < until_s:
        place = next(places, None)
        if place is None:
            return
        await send(place, due_s)


async def open_loop(send: Send, *, due_s: Sequence[float], now: Now) -> None:
    """Start each request at its time; then wait for those that are under way.

    A request that starts late, because this process was held up, is still due at its time:
    its latency counts from there (no coordinated omission).
    """
    under_way: set[asyncio.Future[None]] = set()
    for place, time_s in enumerate(due_s):
        wait_s = time_s - now()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        task = asyncio.ensure_future(send(place, time_s))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)
