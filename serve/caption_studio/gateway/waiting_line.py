"""Retry-After of refused clients: they return one after the other, as places come free; pure."""

import math

from caption_studio.errors import MAX_RETRY_AFTER_S

GOLDEN_RATIO = (math.sqrt(5) - 1) / 2
"""The fractional parts of its multiples fill an interval evenly from the first on."""


class WaitingLine:
    """The refused clients of one gateway, each with its own time to return.

    No place is reserved for them: any request that finds room gets in, and a client that returns
    too early joins the end of the line again.
    """

    def __init__(self) -> None:
        self._ends_at_s = 0.0
        self._too_many = 0

    def join(self, now_s: float, *, stalled_s: float, pace_s: float) -> int:
        """Return in how many seconds one more refused client should return.

        Clients return `pace_s` apart. No place has come free for `stalled_s`, and the stall may
        last as long again.
        """
        at_s = max(self._ends_at_s, now_s + stalled_s) + pace_s
        if at_s - now_s <= MAX_RETRY_AFTER_S:
            self._ends_at_s = at_s
            return math.ceil(at_s - now_s)
        # The line is longer than Retry-After may be: spread the others over its upper half.
        part = self._too_many * GOLDEN_RATIO % 1
        self._too_many += 1
        return math.ceil(MAX_RETRY_AFTER_S * (1 + part) / 2)
