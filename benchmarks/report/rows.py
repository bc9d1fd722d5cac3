"""Result → the lines of its table: label, value with unit, interval. Seconds become ms here."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.figures.intervals import Estimate, estimate
from benchmarks.figures.measure import QUANTILES, Figures, Latency
from benchmarks.run import Result
from benchmarks.scenario import Closed, Constant, Gamma, Limits, Load, Poisson, Ramp


@dataclass(frozen=True)
class Row:
    """One line; `interval` is empty for a single repeat."""

    label: str
    value: str
    interval: str = ""


ELSEWHERE = "elsewhere"
"""The row for the part of an answer's time that belongs to no stage."""

RATES: tuple[tuple[str, Callable[[Figures], float | None]], ...] = (
    ("offered requests/s", lambda f: f.offered_per_s),
    ("requests/s", lambda f: f.requests_per_s),
    ("captions/s", lambda f: f.captions_per_s),
    ("tokens/s", lambda f: f.tokens_per_s),
)

LATENCIES: tuple[tuple[str, Callable[[Figures], Latency | None]], ...] = (
    ("E2E", lambda f: f.e2e),
    ("TTFT", lambda f: f.ttft),
    ("ITL", lambda f: f.itl),
    ("gap between pieces", lambda f: f.chunk_gap),
)


def rate_rows(result: Result) -> list[Row]:
    """Return rates, goodput under the limits, and counts."""
    rows = [_row(label, result.estimate(value)) for label, value in RATES]
    if result.scenario.limits != Limits():
        goodput = _row("goodput/s", result.estimate(lambda f: f.goodput_per_s))
        rows += [goodput, _row("good", result.estimate(lambda f: f.good_share), "%", 100)]
    distinct = estimate([repeat.round.distinct_pictures for repeat in result.repeats])
    if distinct is not None:
        rows.append(_row("different pictures", distinct, "%", 100))
    total = [repeat.figures for repeat in result.repeats]
    rows.append(Row("requests measured", f"{sum(f.due for f in total)}"))
    rows.append(Row("failed", f"{sum(f.failed for f in total)}"))
    rows += [Row(f"  {name}", f"{count}") for name, count in errors(result).items()]
    return rows


def latency_rows(result: Result) -> Iterator[tuple[str, list[Row]]]:
    """Yield each latency that was measured, with its quantiles in ms."""
    for label, latency in LATENCIES:
        rows = []
        for quantile in QUANTILES:
            found = result.estimate(_quantile(latency, quantile))
            if found is not None:
                rows.append(_row(quantile, found, " ms", 1e3))
        if rows:
            yield label, rows


def stage_means(result: Result) -> dict[str, Estimate]:
    """Return the mean seconds of each stage that the service names, and of the rest.

    The stages are assumed to be sequential. `elsewhere` is the mean E2E latency less their sum: the
    network, the client, and work that the service does not name.
    """
    names = dict.fromkeys(name for repeat in result.repeats for name in repeat.figures.stages)
    found = {name: result.estimate(_stage(name)) for name in names}
    if found:
        found[ELSEWHERE] = result.estimate(_elsewhere)
    return {name: mean for name, mean in found.items() if mean is not None}


def errors(result: Result) -> dict[str, int]:
    """Return the failures by class, over all repeats."""
    total: dict[str, int] = {}
    for repeat in result.repeats:
        for name, count in repeat.figures.errors.items():
            total[name] = total.get(name, 0) + count
    return total


def load_text(load: Load) -> str:
    """Return a load in words."""
    match load:
        case Closed():
            callers = "1 caller" if load.concurrency == 1 else f"{load.concurrency} callers"
            return f"closed loop, {callers}"
        case Constant():
            return f"constant, {load.rate_per_s:g}/s"
        case Poisson():
            return f"Poisson, {load.rate_per_s:g}/s"
        case Gamma():
            return f"gamma, {load.rate_per_s:g}/s, gap CV {load.gap_cv:g}"
        case Ramp():
            return f"ramp, {load.from_per_s:g} to {load.to_per_s:g}/s"
        case _:
            return f"replay of {load.trace.name}, speed {load.speed:g}"


def limits_text(limits: Limits) -> str:
    """Return the limits in words."""
    named = {"E2E": limits.e2e_s, "TTFT": limits.ttft_s, "ITL": limits.itl_s}
    kept = [f"{name} ≤ {value * 1e3:g} ms" for name, value in named.items() if value is not None]
    return ", ".join(kept) or "none"


def number(value: float) -> str:
    """Return a number with three significant digits."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _row(label: str, found: Estimate | None, unit: str = "", scale: float = 1.0) -> Row:
    if found is None:
        return Row(label, "-")
    spread = found.half_width
    interval = "" if spread is None else f"± {number(spread * scale)}"
    return Row(label, f"{number(found.mean * scale)}{unit}", interval)


def _quantile(
    latency: Callable[[Figures], Latency | None], quantile: str
) -> Callable[[Figures], float | None]:
    def value(figures: Figures) -> float | None:
        found = latency(figures)
        return None if found is None else float(getattr(found, f"{quantile}_s"))

    return value


def _stage(name: str) -> Callable[[Figures], float | None]:
    return lambda figures: figures.stages.get(name)


def _elsewhere(figures: Figures) -> float | None:
    if figures.e2e is None or not figures.stages:
        return None
    return max(0.0, figures.e2e.mean_s - sum(figures.stages.values()))
