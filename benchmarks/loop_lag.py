"""How late an event loop is: what it does late, a client takes for the server's time."""

import asyncio
import time

PROBE_S = 0.02


async def probe(lags_s: list[float]) -> None:
    """Append by how much each short sleep was too long, until it is cancelled."""
    while True:
        asked_s = time.monotonic()
        await asyncio.sleep(PROBE_S)
        lags_s.append(max(0.0, time.monotonic() - asked_s - PROBE_S))
