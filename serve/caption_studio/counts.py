"""Values → counts by range: a histogram for the hot path, read from other threads."""

from bisect import bisect_left

from caption_studio.records import Counts

POWERS_OF_TWO = tuple(2**power for power in range(10))
"""Bounds for sizes of batches: 1 to 512."""


class Counter:
    """Counts values by the first of `bounds` that they do not exceed; one writer."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def add(self, value: float) -> None:
        """Count one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def read(self) -> Counts:
        """Return the counts so far."""
        return Counts(self._bounds, tuple(self._counts), self._total)
