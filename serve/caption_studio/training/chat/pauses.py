"""When to ask again: after what the server states, else after twice as long each time."""

import asyncio
import email.utils
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one call may take with all its tries, and the pauses between them, in seconds.

    `answer_s` is for one try, until the last byte of its answer.
    """

    total_s: float = 600.0
    answer_s: float = 300.0
    first_pause_s: float = 1.0
    longest_pause_s: float = 60.0


def backoff_s(attempt: int, patience: Patience) -> float:
    """Return the pause after failed attempt `attempt` (from 0): exponential, with full jitter.

    At least a tenth of it is waited. Jitter after M. Brooker, "Exponential backoff and jitter".
    """
    most = min(patience.first_pause_s * 2.0 ** min(attempt, 32), patience.longest_pause_s)
    return most * random.uniform(0.1, 1.0)


def stated_pause_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds in `Retry-After`, a number or a date; None if it states none."""
    stated = headers.get("retry-after", "").strip()
    try:
        seconds = float(stated)
    except ValueError:
        try:
            when = email.utils.parsedate_to_datetime(stated)
        except ValueError:
            return None
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        seconds = (when - datetime.now(UTC)).total_seconds()
    return max(seconds, 0.0) if seconds < float("inf") else None


class Gate:
    """Holds all calls back until a moment that the server stated to one of them."""

    def __init__(self) -> None:
        self._opens_s = 0.0

    def close_for(self, seconds: float) -> None:
        """Hold all calls back for so long from now."""
        self._opens_s = max(self._opens_s, asyncio.get_running_loop().time() + seconds)

    async def wait(self) -> None:
        """Return when calls may be made."""
        left_s = self._opens_s - asyncio.get_running_loop().time()
        if left_s > 0:
            await asyncio.sleep(left_s)
