"""Rates of two peers, round by round → their ratio's 95 % interval; pure.

Rounds are paired: the machine that was slow for one peer of a round was slow for the other. The
interval is that of the mean of the ratios' logarithms, since half as fast is as far from even as
twice as fast.
"""

import math
from collections.abc import Mapping

from benchmarks.intervals import estimate

Interval = tuple[float, float]


def ratio_interval(ours: Mapping[int, float], peer: Mapping[int, float]) -> Interval | None:
    """Return the interval of `ours` over `peer`, from the rounds that both have; None under two."""
    logs = [
        math.log(ours[number] / peer[number])
        for number in sorted(ours.keys() & peer.keys())
        if ours[number] > 0 and peer[number] > 0
    ]
    found = estimate(logs)
    if found is None or found.half_width is None:
        return None
    return math.exp(found.mean - found.half_width), math.exp(found.mean + found.half_width)
