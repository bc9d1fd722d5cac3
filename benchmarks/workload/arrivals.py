"""Arrival process → send times in seconds from the start, ascending (float64 [requests]).

Pure and seeded: the same arguments give the same times, however many processes send them.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.float64]


def constant(rate_per_s: float, duration_s: float) -> Times:
    """Return evenly spaced times, the first at 0."""
    return np.arange(int(np.ceil(rate_per_s * duration_s - 1e-9))) / rate_per_s


def poisson(rate_per_s: float, duration_s: float, seed: int) -> Times:
    """Return the times of a Poisson process: independent callers."""
    return gamma(rate_per_s, duration_s, gap_cv=1.0, seed=seed)


def gamma(rate_per_s: float, duration_s: float, *, gap_cv: float, seed: int) -> Times:
    """Return times whose gaps are gamma distributed with mean `1 / rate_per_s`.

    `gap_cv` is the gaps' coefficient of variation: 1 is Poisson, above 1 comes in bursts,
    below 1 is steadier.
    """
    shape = 1.0 / gap_cv**2
    draw = np.random.default_rng(seed)
    return _until(duration_s, rate_per_s, lambda n: draw.gamma(shape, 1 / (rate_per_s * shape), n))


def ramp(from_per_s: float, to_per_s: float, duration_s: float, seed: int) -> Times:
    """Return Poisson times whose rate changes linearly from one value to the other.

    Source of the rule: time rescaling; a Poisson process of rate 1 is mapped through the
    inverse of the integrated rate `from·t + (to - from)·t² / (2·duration)`.
    """
    expected = (from_per_s + to_per_s) / 2 * duration_s
    units = poisson(1.0, expected, seed)
    slope = (to_per_s - from_per_s) / duration_s
    if slope == 0.0:
        return units / from_per_s
    rates: Times = np.sqrt(from_per_s**2 + 2 * slope * units)  # at each time
    times: Times = (rates - from_per_s) / slope
    return times


def replay(trace_s: Times, duration_s: float, *, speed: float = 1.0) -> Times:
    """Return a recorded trace's times from its first request on, `speed` times as fast."""
    sorted_s = np.sort(np.asarray(trace_s, dtype=np.float64))
    times: Times = (sorted_s - sorted_s[:1].sum()) / speed
    return times[times < duration_s]


def _until(duration_s: float, rate_per_s: float, gaps: Callable[[int], Times]) -> Times:
    """Add up gaps until the duration is full."""
    block = max(16, int(rate_per_s * duration_s * 1.1))
    times = np.cumsum(gaps(block))
    while times[-1] < duration_s:
        times = np.concatenate([times, times[-1] + np.cumsum(gaps(block))])
    return times[times < duration_s]
