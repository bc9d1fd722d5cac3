"""Results → figures: SVG for the page, PNG for a README, drawn once for both.

In the SVGs text and axes take the page's colour (`currentColor`), so that they are legible on light
and dark pages; the data's colours are legible on both.
"""

import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from benchmarks.figures.measure import is_good
from benchmarks.load.sample import Sample
from benchmarks.report.rows import ELSEWHERE, load_text, stage_means
from benchmarks.run import Result
from benchmarks.scenario import RateSweep
from benchmarks.sweep import held_rate, points_of

INK = "#10151c"  # replaced by currentColor in SVGs
COLOURS = ("#3b82f6", "#e8833a", "#2fa36b", "#a06be0", "#e0524d", "#1fa5b5", "#c79a1b", "#d062a8")
REST = "#8a93a0"
MAX_POINTS = 3000
"""Limit for a scatter plot, so that a page opens at once."""
LEGEND_COLUMNS = 3
"""More stages side by side would be wider than the figure."""
STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": ["sans-serif"],
    "font.size": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.15,
    "grid.color": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
}


def draw(results: Sequence[Result]) -> dict[str, Figure]:
    """Return the figures that these results have data for, by name."""
    with matplotlib.rc_context(STYLE):
        figures = {
            "throughput-latency": _throughput_latency(results) if len(results) > 1 else None,
            "goodput": _goodput(results) if len(results) > 1 else None,
            "latency-cdf": _latency_cdf(results),
            "stages": _stages(results),
            "timeline": _timeline(results[-1]),
        }
    return {name: figure for name, figure in figures.items() if figure is not None}


def svg(figure: Figure, name: str) -> str:
    """Return an `<svg>` element for a page; `name` makes its ids unique on the page."""
    buffer = io.StringIO()
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = re.sub(r'(\bid="|="#|url\(#)', rf"\g<1>{name}-", text[text.index("<svg") :])
    return text.replace(INK, "currentColor")


def png(figure: Figure) -> bytes:
    """Return a PNG on white."""
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(buffer, format="png", dpi=150, facecolor="white")
    return buffer.getvalue()


def _new(title: str, x_label: str, y_label: str, height_in: float = 3.6) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(8, height_in), layout="constrained")
    axes = figure.add_subplot()
    axes.set(title=title, xlabel=x_label, ylabel=y_label)
    return figure, axes


def _throughput_latency(results: Sequence[Result]) -> Figure | None:
    figure, axes = _new("Latency over throughput", "requests/s completed", "E2E latency, ms")
    shown = [r for r in results if any(repeat.figures.e2e for repeat in r.repeats)]
    if not shown:
        return None
    rates = [_mean(r, "requests_per_s") for r in shown]
    for quantile, colour in zip(("p50", "p95", "p99"), COLOURS, strict=False):
        values = [_e2e_ms(result, quantile) for result in shown]
        axes.plot(rates, values, "o-", color=colour, label=quantile, markersize=4)
    if max(values) > 20 * min(values):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(2, 0.6)))
    limit_s = results[0].scenario.limits.e2e_s
    if limit_s is not None:
        axes.axhline(limit_s * 1e3, color=INK, linestyle=":", linewidth=1)
        axes.annotate("limit", (0, limit_s * 1e3), xytext=(4, -12), textcoords="offset points")
    sweep = results[0].scenario.sweep
    if isinstance(sweep, RateSweep):
        held = held_rate(sweep, points_of(results))
        text = "none of the rates held" if held is None else f"goodput held for long at {held:g}/s"
        axes.set_title(f"Latency over throughput: {text}")
    axes.set_xlim(left=0)
    axes.legend()
    return figure


def _goodput(results: Sequence[Result]) -> Figure:
    figure, axes = _new("Goodput over offered load", "requests/s offered", "per second", 3.0)
    offered = [_mean(result, "offered_per_s") for result in results]
    top = max(offered)
    axes.plot((0, top), (0, top), color=INK, linestyle=":", linewidth=1, label="offered")
    names = {"requests_per_s": "completed", "goodput_per_s": "good"}
    for (name, label), colour in zip(names.items(), (COLOURS[0], COLOURS[2]), strict=True):
        values = [_mean(result, name) for result in results]
        axes.plot(offered, values, "o-", color=colour, label=label, markersize=4)
    axes.set(xlim=(0, None), ylim=(0, None))
    axes.legend()
    return figure


def _latency_cdf(results: Sequence[Result]) -> Figure | None:
    figure, axes = _new("Latency", "ms", "share of answers within")
    chosen = _spread(results, 5)
    drawn = False
    for number, result in enumerate(chosen):
        samples = _measured(result)
        label = f"E2E, {load_text(result.scenario.load)}" if len(chosen) > 1 else "E2E"
        drawn |= _steps(axes, [s.e2e_s for s in samples], label, COLOURS[number])
        if len(chosen) == 1:
            first = [s.ttft_s for s in samples if s.ttft_s is not None]
            drawn |= _steps(axes, first, "TTFT (streamed)", COLOURS[1])
    if not drawn:
        return None
    axes.set(ylim=(0, 1.02), xlim=(0, None))
    axes.legend(loc="lower right")
    return figure


def _steps(axes: Axes, values_s: Sequence[float], label: str, colour: str) -> bool:
    if not values_s:
        return False
    shares = np.linspace(0, 1, min(len(values_s), 400) + 1)
    axes.plot(np.quantile(values_s, shares) * 1e3, shares, color=colour, label=label)
    return True


def _stages(results: Sequence[Result]) -> Figure | None:
    shown = [(result, stage_means(result)) for result in _spread(results, 8)]
    shown = [(result, stages) for result, stages in shown if stages]
    if not shown:
        return None
    height_in = 1.8 + 0.35 * len(shown)
    figure, axes = _new("Where the time goes (mean)", "ms", "", height_in)
    names = list(dict.fromkeys(name for _, stages in shown for name in stages))
    left = np.zeros(len(shown))
    places = np.arange(len(shown))
    for number, name in enumerate(names):
        means = (stages.get(name) for _, stages in shown)
        widths = np.array([0.0 if mean is None else mean.mean * 1e3 for mean in means])
        colour = REST if name == ELSEWHERE else COLOURS[number % len(COLOURS)]
        hatch = "///" if number >= len(COLOURS) else None
        axes.barh(places, widths, left=left, color=colour, label=name, height=0.6, hatch=hatch)
        left += widths
    axes.set_yticks(places, [load_text(result.scenario.load) for result, _ in shown])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    figure.legend(loc="outside lower center", ncols=min(LEGEND_COLUMNS, len(names)))
    return figure


def _timeline(result: Result) -> Figure | None:
    """Draw one round: each request at the time it was due, and the answers of each second."""
    done = result.repeats[-1].round
    if not done.samples:
        return None
    scenario = result.scenario
    figure, axes = _new(
        f"Last round: {load_text(scenario.load)}", "s from the start", "E2E latency, ms", 4.0
    )
    axes.axvspan(0, scenario.warmup_s, color=INK, alpha=0.07, linewidth=0)
    step = -(-len(done.samples) // MAX_POINTS)
    groups = {
        "good": [s for s in done.samples if s.ok and is_good(s, scenario.limits)],
        "over a limit": [s for s in done.samples if s.ok and not is_good(s, scenario.limits)],
        "failed": [s for s in done.samples if not s.ok],
    }
    for (label, samples), colour in zip(groups.items(), (*COLOURS[:2], COLOURS[4]), strict=True):
        if samples:
            x = [s.scheduled_s for s in samples[::step]]
            y = [s.e2e_s * 1e3 for s in samples[::step]]
            marker = "x" if label == "failed" else "."
            axes.scatter(x, y, s=14, color=colour, label=label, marker=marker, linewidths=1)
    axes.set(ylim=(0, None), xlim=(0, None))
    _answers_per_second(axes, [s.done_s for s in done.samples if s.ok])
    return figure


def _answers_per_second(axes: Axes, done_s: Sequence[float]) -> None:
    rates = axes.twinx()
    if done_s:
        counts = np.bincount(np.asarray(done_s, dtype=int))
        rates.stairs(counts, color=COLOURS[2], alpha=0.8, label="answers/s")
    rates.set(ylim=(0, None), ylabel="answers/s")
    rates.grid(visible=False)
    rates.spines["right"].set_visible(True)
    handles = [*axes.get_legend_handles_labels()[0], *rates.get_legend_handles_labels()[0]]
    axes.figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))


def _measured(result: Result) -> list[Sample]:
    warmup_s = result.scenario.warmup_s
    end_s = warmup_s + result.scenario.duration_s
    samples = (sample for repeat in result.repeats for sample in repeat.round.samples)
    return [s for s in samples if s.ok and warmup_s <= s.scheduled_s < end_s]


def _spread(results: Sequence[Result], most: int) -> list[Result]:
    """Return a sample of limited size, evenly spread, first and last included."""
    if len(results) <= most:
        return list(results)
    return [results[i] for i in np.linspace(0, len(results) - 1, most).round().astype(int)]


def _mean(result: Result, name: str) -> float:
    found = result.estimate(lambda figures: float(getattr(figures, name)))
    return found.mean if found else 0.0


def _e2e_ms(result: Result, quantile: str) -> float:
    found = result.estimate(lambda f: getattr(f.e2e, f"{quantile}_s") if f.e2e else None)
    return found.mean * 1e3 if found else float("nan")
