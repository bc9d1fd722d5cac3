"""Rates of two peers, round by round → their ratio's 95 % interval; pure.

Rounds are paired, because a slow machine slows both peers of a round. The interval is that of the
mean of the ratios' logarithms, because a ratio of a half is as far from 1 as a ratio of two.
"""

import math
from collections.abc import Mapping

from benchmarks.figures.intervals import estimate

Interval = tuple[float, float]


def ratio_interval(ours: Mapping[int, float], peer: Mapping[int, float]) -> Interval | None:
    """Return the interval of `ours` over `peer` from their common rounds; None under two."""
    logs = [
        math.log(ours[number] / peer[number])
        for number in sorted(ours.keys() & peer.keys())
        if ours[number] > 0 and peer[number] > 0
    ]
    found = estimate(logs)
    if found is None or found.half_width is None:
        return None
    return math.exp(found.mean - found.half_width), math.exp(found.mean + found.half_width)
