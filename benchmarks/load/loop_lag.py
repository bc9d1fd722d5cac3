"""Delay of an event loop, which a client mistakes for the server's time."""

import asyncio
import time

PROBE_S = 0.02


async def probe(lags_s: list[float]) -> None:
    """Append the excess of each short sleep, until cancelled."""
    while True:
        asked_s = time.monotonic()
        await asyncio.sleep(PROBE_S)
        lags_s.append(max(0.0, time.monotonic() - asked_s - PROBE_S))
