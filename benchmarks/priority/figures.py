"""Rounds with and without a batch → the curve of online p95 against batch throughput; pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.figures.intervals import estimate
from benchmarks.peers.ratio_intervals import Interval, ratio_interval

MAX_P95_RATIO = 2.0
"""The target: with a batch beside them, callers have at most this multiple of their own p95 …"""

MIN_SHARE = 0.6
"""… and the batch has at least this share of the captions a second that they leave."""


@dataclass(frozen=True)
class Callers:
    """A round of callers online: their p95 in seconds, and captions a second.

    `failed` of their requests were not answered. `stages` has the mean seconds of each stage.
    """

    p95_s: float
    per_s: float
    failed: int
    stages: dict[str, float]


@dataclass(frozen=True)
class Pair:
    """A closed loop's captions a second, callers alone, and then beside a batch.

    The batch got `batch_per_s` captions a second.
    """

    capacity_per_s: float
    alone: Callers
    beside: Callers
    batch_per_s: float

    @property
    def left_per_s(self) -> float:
        """Return the captions a second that the callers left of the capacity."""
        return self.capacity_per_s - self.beside.per_s


@dataclass(frozen=True)
class Point:
    """One value of `batches.max_in_flight`, and its pairs."""

    max_in_flight: int
    pairs: Sequence[Pair]

    @property
    def capacity_per_s(self) -> float:
        """Return the closed loop's captions a second, of all pairs together."""
        return self._mean(lambda one: one.capacity_per_s)

    @property
    def p95_ratio(self) -> float:
        """Return the p95 beside the batch over that without it, of all pairs together."""
        return self._mean(_beside_s) / self._mean(_alone_s)

    @property
    def p95_interval(self) -> Interval | None:
        """Return the ratio's 95 % interval over the pairs."""
        return ratio_interval(
            dict(enumerate(map(_beside_s, self.pairs))),
            dict(enumerate(map(_alone_s, self.pairs))),
        )

    @property
    def share(self) -> float:
        """Return what the batch got of the captions a second that the callers left."""
        left_per_s = self._mean(lambda one: one.left_per_s)
        return self._mean(lambda one: one.batch_per_s) / left_per_s if left_per_s > 0 else 0.0

    @property
    def share_interval(self) -> Interval | None:
        """Return the share's 95 % interval over the pairs."""
        return ratio_interval(
            {number: one.batch_per_s for number, one in enumerate(self.pairs)},
            {number: one.left_per_s for number, one in enumerate(self.pairs)},
        )

    @property
    def is_within(self) -> bool:
        """Whether both targets are met at this value."""
        return self.p95_ratio <= MAX_P95_RATIO and self.share >= MIN_SHARE

    def as_json(self) -> dict[str, Any]:
        """Return the point for the result file."""
        return {
            "max_in_flight": self.max_in_flight,
            "capacity_per_s": self.capacity_per_s,
            "p95_ratio": self.p95_ratio,
            "p95_ratio_interval": self.p95_interval,
            "share_of_left": self.share,
            "share_of_left_interval": self.share_interval,
            "is_within_targets": self.is_within,
            "batch_per_s": self._estimate(lambda one: one.batch_per_s),
            "alone_p95_s": self._estimate(_alone_s),
            "beside_p95_s": self._estimate(_beside_s),
            "pairs": [asdict(one) for one in self.pairs],
        }

    def _mean(self, value: Callable[[Pair], float]) -> float:
        return sum(map(value, self.pairs)) / len(self.pairs)

    def _estimate(self, value: Callable[[Pair], float]) -> dict[str, float | None]:
        found = estimate([value(one) for one in self.pairs])
        assert found is not None, "a point has a pair"
        return {"mean": found.mean, "half_width": found.half_width}


def _alone_s(pair: Pair) -> float:
    return pair.alone.p95_s


def _beside_s(pair: Pair) -> float:
    return pair.beside.p95_s


def step_lines(steps: Sequence[Mapping[str, float]]) -> list[str]:
    """Return what is printed of a caller's wait for a place in the captioner."""
    return [
        f"beside {one['batch_sequences']:>2} sequences of a batch: {one['callers']:.0f} callers"
        f" began in step {one['latest_first_step']:.0f} at the latest; a step took"
        f" {1e3 * one['step_s']:.1f} ms, an answer {1e3 * one['answer_s']:.0f} ms"
        for one in steps
    ]


def lines(points: Sequence[Point]) -> list[str]:
    """Return the table for the terminal, and whether the targets are met."""
    rows = [
        f"{'in flight':>9} {'capacity/s':>10} {'batch/s':>8} {'of left':>8}  {'95 % interval':<13}"
        f" {'alone p95':>10} {'beside p95':>10} {'ratio':>6}  95 % interval"
    ]
    for point in points:
        found = point.as_json()
        rows.append(
            f"{point.max_in_flight:>9} {point.capacity_per_s:10.1f}"
            f" {found['batch_per_s']['mean']:8.1f}"
            f" {point.share:8.2f}  {_shown(point.share_interval):<13}"
            f" {1e3 * found['alone_p95_s']['mean']:7.0f} ms"
            f" {1e3 * found['beside_p95_s']['mean']:7.0f} ms {point.p95_ratio:6.2f}"
            f"  {_shown(point.p95_interval)}"
        )
    within = [str(point.max_in_flight) for point in points if point.is_within]
    verdict = f"met at {', '.join(within)}" if within else "missed"
    rows.append(f"share >= {MIN_SHARE} at a ratio <= {MAX_P95_RATIO:g}: {verdict}")
    return rows


def _shown(interval: Interval | None) -> str:
    return "one pair" if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}"
