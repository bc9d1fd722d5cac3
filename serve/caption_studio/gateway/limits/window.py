"""Amounts → their sum over the last minute.

The window slides: fixed minutes of the wall clock would let twice the limit through around the end
of each.
"""

from collections import deque

WINDOW_S = 60.0

SLICE_S = 0.1
"""Amounts are kept by slices of time: 601 numbers at most. A slice counts until all of it has left
the minute, so up to this much too long, and never too short."""


class SlidingWindow:
    """The amounts of the last minute. `now_s` is of one clock and never goes back."""

    def __init__(self) -> None:
        self._slices: deque[list[int]] = deque()  # [number of the slice, amount]
        self._total = 0

    def add(self, now_s: float, amount: int) -> None:
        """Count an amount as of now."""
        number = int(now_s / SLICE_S)
        if self._slices and self._slices[-1][0] >= number:
            self._slices[-1][1] += amount
        else:
            self._slices.append([number, amount])
        self._total += amount

    def used(self, now_s: float) -> int:
        """Return the sum of the last minute."""
        while self._slices and _gone_at_s(self._slices[0]) <= now_s:
            self._total -= self._slices.popleft()[1]
        return self._total

    def next_free_in_s(self, now_s: float) -> float:
        """Return in how many seconds the oldest amount leaves the minute; 0 if there is none."""
        self.used(now_s)
        return _gone_at_s(self._slices[0]) - now_s if self._slices else 0.0

    def all_free_in_s(self, now_s: float) -> float:
        """Return in how many seconds the newest amount leaves the minute; 0 if there is none."""
        self.used(now_s)
        return _gone_at_s(self._slices[-1]) - now_s if self._slices else 0.0


def _gone_at_s(of: list[int]) -> float:
    return (of[0] + 1) * SLICE_S + WINDOW_S
