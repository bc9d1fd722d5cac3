"""One scenario under load after load → a `Result` for each."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.figures.measure import late_good_share
from benchmarks.fleet import Fleet, OnProgress
from benchmarks.hardware import describe
from benchmarks.load.worker import Endpoint
from benchmarks.run import OnRound, Result, check_endpoint, repeated
from benchmarks.scenario import (
    CallerSweep,
    Closed,
    Poisson,
    RateSweep,
    Scenario,
)

BACK_OFF = 0.95
"""If a rate did not hold for long, this share of it is tried next."""

MAX_BACK_OFFS = 8


@dataclass(frozen=True)
class Point:
    """A rate that was tried, and its share of good requests; `sustained`: for long."""

    rate_per_s: float
    good_share: float
    sustained: bool = False


@dataclass(frozen=True)
class Step:
    """The next load to try."""

    load: Closed | Poisson
    sustained: bool = False


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
        while (step := _next_step(scenario.sweep, results)) is not None:
            at = scenario.model_copy(update={"load": step.load})
            if step.sustained and isinstance(scenario.sweep, RateSweep):
                at = at.model_copy(update={"duration_s": scenario.sweep.sustain_s})
            first = len(results) * scenario.repeats
            repeats = repeated(fleet, at, first=first, on_progress=on_progress, on_round=on_round)
            results.append(Result(endpoint, at, repeats, environment, step.sustained))
    return sorted(results, key=_load)


def next_point(sweep: RateSweep, points: Sequence[Point]) -> tuple[float, bool] | None:
    """Return the next rate to try, and whether for long; None at the end of the search.

    `points` are those tried so far, in their order.
    """
    tried = [point for point in points if point.sustained]
    searched = [point for point in points if not point.sustained]
    if not tried:
        if (rate := _next_searched(sweep, searched)) is not None:
            return rate, False
        found = _held(sweep, searched)
        return None if found is None else (found, True)
    if tried[-1].good_share >= sweep.min_good_share or len(tried) > MAX_BACK_OFFS:
        return None
    return _rounded(tried[-1].rate_per_s * BACK_OFF), True


def held_rate(sweep: RateSweep, points: Sequence[Point]) -> float | None:
    """Return the rate that held for long."""
    held = (p.rate_per_s for p in points if p.sustained and p.good_share >= sweep.min_good_share)
    return max(held, default=None)


def points_of(results: Sequence[Result]) -> list[Point]:
    """Return a sweep of rates as points, in the order of the results."""
    return [Point(_load(result), _good_share(result), result.sustained) for result in results]


def _next_searched(sweep: RateSweep, points: Sequence[Point]) -> float | None:
    """Return the next rate (three digits), or None when the breaking point is known.

    The first rate that does not hold ends the climb; then the gap to the highest rate below it that
    held is halved `refine` times. If the first rate of all does not hold, nothing is refined.
    """
    if not points:
        return sweep.from_per_s
    broken = [p.rate_per_s for p in points if p.good_share < sweep.min_good_share]
    if not broken:
        highest = max(p.rate_per_s for p in points)
        following = min(_rounded(highest * sweep.factor), sweep.max_per_s)
        return following if following > highest else None
    low, high = _held(sweep, points), min(broken)
    climbed = next(i for i, p in enumerate(points) if p.good_share < sweep.min_good_share)
    if low is None or len(points) - climbed - 1 >= sweep.refine:
        return None
    return _rounded((low + high) / 2)


def _held(sweep: RateSweep, points: Sequence[Point]) -> float | None:
    """Return the highest rate below the lowest one that did not hold."""
    broken = [p.rate_per_s for p in points if p.good_share < sweep.min_good_share]
    limit = min(broken, default=float("inf"))
    return max((p.rate_per_s for p in points if p.rate_per_s < limit), default=None)


def _good_share(result: Result) -> float:
    share = result.estimate(lambda figures: figures.good_share)
    shares = [share.mean if share else 0.0]
    if result.sustained:
        rounds = [late_good_share(one.round.samples, result.scenario) for one in result.repeats]
        shares += [late or 0.0 for late in rounds]  # None: the load ended earlier
    return min(shares)


def _rounded(rate_per_s: float) -> float:
    return float(f"{rate_per_s:.3g}")


def _next_step(sweep: CallerSweep | RateSweep | None, done: list[Result]) -> Step | None:
    if isinstance(sweep, CallerSweep):
        left = sweep.callers[len(done) :]
        return Step(Closed(concurrency=left[0])) if left else None
    if sweep is None:
        return None
    following = next_point(sweep, points_of(done))
    return None if following is None else Step(Poisson(rate_per_s=following[0]), following[1])


def _load(result: Result) -> float:
    load = result.scenario.load
    return load.rate_per_s if isinstance(load, Poisson) else float(getattr(load, "concurrency", 0))
