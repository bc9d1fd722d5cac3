"""Several starts → means, intervals and the ratio of two checkouts; pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.figures.intervals import Estimate, estimate
from benchmarks.starts.start import Start


@dataclass(frozen=True)
class Ratio:
    """A ratio of processor seconds with its 95 % interval, None under two rounds."""

    ratio: float
    interval: tuple[float, float] | None

    def __str__(self) -> str:
        if self.interval is None:
            return f"{self.ratio:.2f}"
        return f"{self.ratio:.2f} ({self.interval[0]:.2f} to {self.interval[1]:.2f})"


def ratio(ours: Sequence[Start], others: Sequence[Start]) -> Ratio:
    """Return processor seconds of `ours` over those of `others`, which are of the same rounds."""
    logs = [math.log(one.total_s / other.total_s) for one, other in zip(ours, others, strict=True)]
    found = estimate(logs) or Estimate(0.0)
    if found.half_width is None:
        return Ratio(math.exp(found.mean), None)
    lowest, highest = found.mean - found.half_width, found.mean + found.half_width
    return Ratio(math.exp(found.mean), (math.exp(lowest), math.exp(highest)))


def mean_parts(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return each part's mean over the rounds, largest first; a missing part counts as 0."""
    parts = {part for one in rounds for part in one}
    means = {part: sum(one.get(part, 0.0) for one in rounds) / len(rounds) for part in parts}
    return dict(sorted(means.items(), key=lambda item: -item[1]))


def spread(values: Sequence[float]) -> str:
    """Return the mean and, of several values, the half width of its 95 % interval."""
    found = estimate(values) or Estimate(math.nan)
    width = "" if found.half_width is None else f" ± {found.half_width:.1f}"
    return f"{found.mean:.1f}{width}"
