"""Send times of requests: a closed loop (as callers come free) or an open loop (at set times)."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence

from benchmarks.load.client import Now

Send = Callable[[int, float], Awaitable[None]]
"""Sends the request at a place in the round's plan, due at a time; returns when it ended."""


async def closed_loop(send: Send, *, places: int, callers: int, now: Now, until_s: float) -> None:
    """Let each of `callers` ask again after its answer, until time or requests run out.

    Waits for the requests that are in flight at the end.
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
    """Start each request at its time; then wait for those still in flight.

    If this process is held up and starts a request late, its latency still counts from the time it
    was due (no coordinated omission).
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
