"""One scenario under load after load → a `Result` for each."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.fleet import Fleet, OnProgress
from benchmarks.hardware import describe
from benchmarks.run import OnRound, Result, check_endpoint, repeated
from benchmarks.scenario import (
    CallerSweep,
    Closed,
    Poisson,
    RateSweep,
    Scenario,
)
from benchmarks.worker import Endpoint


@dataclass(frozen=True)
class Point:
    """A rate that was tried, and what share of its requests was good."""

    rate_per_s: float
    good_share: float


def run_sweep(
    endpoint: Endpoint,
    scenario: Scenario,
    *,
    allow_remote: bool = False,
    on_progress: OnProgress | None = None,
    on_round: OnRound | None = None,
) -> list[Result]:
    """Run a scenario's sweep; return its points by rising load.

    Raises:
        RemoteRefused, ClientFailed: As `run.run`.
    """
    check_endpoint(endpoint, allow_remote=allow_remote)
    environment = describe()
    results: list[Result] = []
    with Fleet(endpoint, scenario) as fleet:
        while (load := _next_load(scenario.sweep, results)) is not None:
            at = scenario.model_copy(update={"load": load})
            first = len(results) * scenario.repeats
            repeats = repeated(fleet, at, first=first, on_progress=on_progress, on_round=on_round)
            results.append(Result(endpoint, at, repeats, environment))
    return sorted(results, key=_load)


def next_rate(sweep: RateSweep, points: Sequence[Point]) -> float | None:
    """Return the next rate to try (three digits), or None when the place of the break is known.

    A rate that did not hold ends the climb; then the gap to the highest rate below it that
    held is halved `refine` times. If not even the first holds, there is nothing to refine.
    """
    if not points:
        return sweep.from_per_s
    broken = [p.rate_per_s for p in points if p.good_share < sweep.min_good_share]
    if not broken:
        highest = max(p.rate_per_s for p in points)
        following = min(_rounded(highest * sweep.factor), sweep.max_per_s)
        return following if following > highest else None
    low, high = held_rate(sweep, points), min(broken)
    climbed = next(i for i, p in enumerate(points) if p.good_share < sweep.min_good_share)
    if low is None or len(points) - climbed - 1 >= sweep.refine:
        return None
    return _rounded((low + high) / 2)


def held_rate(sweep: RateSweep, points: Sequence[Point]) -> float | None:
    """Return the highest rate that held below the lowest that did not."""
    broken = [p.rate_per_s for p in points if p.good_share < sweep.min_good_share]
    limit = min(broken, default=float("inf"))
    return max((p.rate_per_s for p in points if p.rate_per_s < limit), default=None)


def points_of(results: Sequence[Result]) -> list[Point]:
    """Return a sweep of rates as points, in the order of the results."""
    points = []
    for result in results:
        share = result.estimate(lambda f: f.good_share)
        points.append(Point(_load(result), share.mean if share else 0.0))
    return points


def _rounded(rate_per_s: float) -> float:
    return float(f"{rate_per_s:.3g}")


def _next_load(
    sweep: CallerSweep | RateSweep | None, done: list[Result]
) -> Closed | Poisson | None:
    if isinstance(sweep, CallerSweep):
        left = sweep.callers[len(done) :]
        return Closed(concurrency=left[0]) if left else None
    if sweep is None:
        return None
    rate = next_rate(sweep, points_of(done))
    return None if rate is None else Poisson(rate_per_s=rate)


def _load(result: Result) -> float:
    load = result.scenario.load
    return load.rate_per_s if isinstance(load, Poisson) else float(getattr(load, "concurrency", 0))
