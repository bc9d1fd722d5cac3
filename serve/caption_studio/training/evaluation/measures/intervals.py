"""Samples → a value with its 95 % interval; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Better = Literal["higher", "lower"]
Z = 1.959964
"""The normal distribution's quantile for a two-sided interval of 95 %."""

RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Measure:
    """A value, the ends of its 95 % interval, and the number of samples that it is of.

    `better` is None where neither direction is better.
    """

    value: float
    low: float
    high: float
    n: int
    better: Better | None = None


def share(held: Sequence[bool], better: Better | None = "higher") -> Measure:
    """Return the share that is true, by Wilson's interval. At least one sample is needed."""
    return proportion(sum(held), len(held), better)


def proportion(successes: float, n: int, better: Better | None = "higher") -> Measure:
    """Return `successes` of `n` as a share, by Wilson's interval (1927); `n` is at least 1.

    Halves may be among the successes: they vary less than successes and failures do, so the
    interval is then wider than it need be.
    """
    value = successes / n
    middle = (value + Z**2 / (2 * n)) / (1 + Z**2 / n)
    reach = Z / (1 + Z**2 / n) * sqrt(value * (1 - value) / n + Z**2 / (4 * n**2))
    # Rounding may leave the value of 0 or 1 a little outside.
    low, high = min(value, max(0.0, middle - reach)), max(value, min(1.0, middle + reach))
    return Measure(value, low, high, n, better)


def ratio_interval(
    above: Sequence[float], below: Sequence[float], *, seed: int
) -> tuple[float, float]:
    """Return the interval of `sum(above) / sum(below)`, by the bootstrap's percentiles.

    Each place in the two sequences is one independent sample, such as a picture.
    """
    tops, bottoms = np.asarray(above, float), np.asarray(below, float)
    rng = np.random.default_rng(seed)
    drawn = np.empty(RESAMPLES)
    for place in range(RESAMPLES):
        chosen: NDArray[np.int64] = rng.integers(0, len(tops), len(tops))
        drawn[place] = tops[chosen].sum() / bottoms[chosen].sum()
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(low), float(high)


def jackknifed(
    value: float, without_one: Sequence[float], n: int, better: Better | None
) -> Measure:
    """Return a statistic between 0 and 1, its interval by the jackknife.

    `without_one` are the values that it has without each of the samples in turn. For statistics
    that a bootstrap would bias because it draws samples twice.
    """
    others = np.asarray(without_one, float)
    if len(others) < 2:
        return Measure(value, 0.0, 1.0, n, better)
    deviation = sqrt((len(others) - 1) / len(others) * float(((others - others.mean()) ** 2).sum()))
    low, high = max(0.0, value - Z * deviation), min(1.0, value + Z * deviation)
    return Measure(value, low, high, n, better)
