"""When a refused caller should come back: one after the other, as places come free; pure."""

import math

from caption_studio.errors import MAX_RETRY_AFTER_S

GOLDEN_RATIO = (math.sqrt(5) - 1) / 2
"""Multiples of it, without their whole part, fill an interval evenly from the first on."""


class WaitingLine:
    """The refused callers of one gateway, each with a time of its own.

    Nobody holds a place for them: whoever comes when there is room gets in, and who comes back too
    early joins the end of the line again.
    """

    def __init__(self) -> None:
        self._ends_at_s = 0.0
        self._too_many = 0

    def join(self, now_s: float, *, stalled_s: float, pace_s: float) -> int:
        """Return in how many seconds one more refused caller should come back.

        They come `pace_s` apart. For `stalled_s` no place has come free: what
        has lasted for so long may last as long again.
        """
        at_s = max(self._ends_at_s, now_s + stalled_s) + pace_s
        if at_s - now_s <= MAX_RETRY_AFTER_S:
            self._ends_at_s = at_s
            return math.ceil(at_s - now_s)
        # All places that can be foretold are promised: spread the others, at least.
        part = self._too_many * GOLDEN_RATIO % 1
        self._too_many += 1
        return math.ceil(MAX_RETRY_AFTER_S * (1 + part) / 2)
