"""`python -m benchmarks compare A B`: is run B worse than run A? For people and for CI.

A and B are folders that runs of the same scenario wrote. Each metric is compared by the ratio of
its means over the repeats, with the 95 % interval of Welch's t on the logarithms. B is worse where
the ratio is on the bad side by more than the tolerance, and its whole interval is on that side.
"""

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from statistics import fmean, variance
from typing import Any

from benchmarks.figures.intervals import student_t

METRICS: Mapping[str, bool] = {
    "requests_per_s": True,
    "tokens_per_s": True,
    "goodput_per_s": True,
    "e2e.p50_s": False,
    "e2e.p95_s": False,
    "e2e.p99_s": False,
    "ttft.p50_s": False,
    "ttft.p95_s": False,
    "itl.p50_s": False,
}
"""Figures by path; whether more is better."""

MIN_REPEATS = 2
DEFAULT_TOLERANCE = 0.02


class Incomparable(Exception):
    """The two runs cannot be compared; the message says why."""


class Verdict(StrEnum):
    """Whether B is worse than A."""

    BETTER = "better"
    WORSE = "WORSE"
    SAME = "no difference shown"


@dataclass(frozen=True)
class Compared:
    """One metric of one load: B over A, with its 95 % interval."""

    load: str
    metric: str
    ratio: float
    low: float
    high: float
    more_is_better: bool

    def verdict(self, tolerance: float) -> Verdict:
        """Return the verdict, if a change by `tolerance` does not matter."""
        if self.low > 1 and self.ratio > 1 + tolerance:
            return Verdict.BETTER if self.more_is_better else Verdict.WORSE
        if self.high < 1 and self.ratio < 1 - tolerance:
            return Verdict.WORSE if self.more_is_better else Verdict.BETTER
        return Verdict.SAME


def compare(first: dict[str, Any], second: dict[str, Any]) -> list[Compared]:
    """Compare the contents of two `result.json`; raises `Incomparable`."""
    loads = [_loads(result) for result in (first, second)]
    if loads[0].keys() != loads[1].keys():
        raise Incomparable("the runs are of different scenarios")
    found = [
        compared
        for load, repeats in loads[0].items()
        for metric, more_is_better in METRICS.items()
        if (compared := _compared(load, metric, more_is_better, repeats, loads[1][load]))
    ]
    if not found:
        raise Incomparable(f"each run needs at least {MIN_REPEATS} repeats with answers")
    return found


def _loads(result: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the repeats' figures by everything that identifies a scenario."""
    return {
        json.dumps(
            {key: value for key, value in one["scenario"].items() if key != "repeats"},
            sort_keys=True,
        ): [repeat["figures"] for repeat in one["repeats"]]
        for one in result["results"]
    }


def _compared(
    load: str,
    metric: str,
    more_is_better: bool,
    first: Sequence[dict[str, Any]],
    second: Sequence[dict[str, Any]],
) -> Compared | None:
    logs = [_logs(metric, figures) for figures in (first, second)]
    if min(map(len, logs)) < MIN_REPEATS:
        return None
    difference = fmean(logs[1]) - fmean(logs[0])
    half_width = _half_width(*logs)
    about = json.loads(load)["load"]
    return Compared(
        ", ".join(f"{name} {value}" for name, value in about.items()),
        metric,
        math.exp(difference),
        math.exp(difference - half_width),
        math.exp(difference + half_width),
        more_is_better,
    )


def _logs(metric: str, figures: Sequence[dict[str, Any]]) -> list[float]:
    values = []
    for one in figures:
        value: Any = one
        for name in metric.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if value:
            values.append(math.log(value))
    return values


def _half_width(first: Sequence[float], second: Sequence[float]) -> float:
    """Return half of Welch's interval. Source: B. L. Welch, Biometrika 34 (1947), 28-35."""
    shares = [variance(values) / len(values) for values in (first, second)]
    if not sum(shares):
        return 0.0
    freedom = sum(shares) ** 2 / sum(
        share**2 / (len(values) - 1)
        for share, values in zip(shares, (first, second), strict=True)
        if share
    )
    return student_t(max(1, math.floor(freedom))) * math.sqrt(sum(shares))


def lines(found: Sequence[Compared], tolerance: float) -> list[str]:
    """Return the table for the terminal."""
    return [
        f"{one.load}: {one.metric:16} B / A {one.ratio:6.3f}  ({one.low:.3f} to {one.high:.3f})"
        f"  {one.verdict(tolerance)}"
        for one in found
    ]


def main(arguments: Sequence[str]) -> int:
    """Print the comparison. 0: B is not shown to be worse, 1: it is, 2: undecided."""
    parser = argparse.ArgumentParser("caption-bench compare", description=__doc__)
    parser.add_argument("first", type=Path, metavar="A", help="folder of the run before")
    parser.add_argument("second", type=Path, metavar="B", help="folder of the run after")
    parser.add_argument(
        "--tolerance", type=float, default=DEFAULT_TOLERANCE, help="a change that does not matter"
    )
    options = parser.parse_args(arguments)
    try:
        found = compare(*(_read(folder) for folder in (options.first, options.second)))
    except (OSError, ValueError, KeyError, TypeError, Incomparable) as error:
        print(f"compare: {error}", file=sys.stderr)
        return 2
    print("\n".join(lines(found, options.tolerance)))
    worse = any(one.verdict(options.tolerance) is Verdict.WORSE for one in found)
    print("B is worse" if worse else "B is not shown to be worse")
    return int(worse)


def _read(folder: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return value
