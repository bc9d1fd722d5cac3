"""One quantity over time → its slope, the slope's 95 % interval, and a verdict; pure.

Successive readings are correlated: memory that is allocated now is still there in ten seconds. So
the line is fitted to the means of a few long blocks. A fit to the readings would give an interval
that is far too narrow.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.figures.intervals import student_t

BLOCKS = 10
HOUR_S = 3600.0
MAX_GROWTH_PER_HOUR = 0.01
"""Growth an hour that counts as noise, as a share of the quantity's mean."""


@dataclass(frozen=True)
class Slope:
    """Growth an hour, in the quantity's unit; `low` and `high` bound it with 95 %."""

    mean: float
    per_hour: float
    low: float
    high: float

    @property
    def growth(self) -> float:
        """Return the upper bound of the growth an hour, as a share of the mean."""
        return self.high / self.mean if self.mean else 0.0

    @property
    def is_flat(self) -> bool:
        """Say whether the interval includes 0 or lies below it, or its bound is very small."""
        return self.low <= 0 or self.growth < MAX_GROWTH_PER_HOUR


def slope(times_s: Sequence[float], values: Sequence[float], *, blocks: int = BLOCKS) -> Slope:
    """Return the slope of a least-squares line through the means of equally long blocks.

    Raises `ValueError` where a block has no reading.
    """
    means = _block_means(times_s, values, blocks)
    middle_s = sum(time_s for time_s, _ in means) / blocks
    mean = sum(value for _, value in means) / blocks
    spread = sum((time_s - middle_s) ** 2 for time_s, _ in means)
    per_s = sum((time_s - middle_s) * (value - mean) for time_s, value in means) / spread
    rest = sum((value - mean - per_s * (time_s - middle_s)) ** 2 for time_s, value in means)
    half_width = student_t(blocks - 2) * math.sqrt(rest / (blocks - 2) / spread)
    return Slope(mean, per_s * HOUR_S, (per_s - half_width) * HOUR_S, (per_s + half_width) * HOUR_S)


def _block_means(
    times_s: Sequence[float], values: Sequence[float], blocks: int
) -> list[tuple[float, float]]:
    begin_s, end_s = min(times_s), max(times_s)
    sorted_in: list[list[tuple[float, float]]] = [[] for _ in range(blocks)]
    for time_s, value in zip(times_s, values, strict=True):
        number = int((time_s - begin_s) / (end_s - begin_s) * blocks) if end_s > begin_s else 0
        sorted_in[min(number, blocks - 1)].append((time_s, value))
    if not all(sorted_in):
        raise ValueError(f"too few readings for {blocks} blocks")
    return [
        (sum(t for t, _ in block) / len(block), sum(v for _, v in block) / len(block))
        for block in sorted_in
    ]
