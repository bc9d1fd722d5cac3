"""The comparison → figures, in the benchmarks' style."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from benchmarks.autoscaling.reports import CAPTIONER
from benchmarks.report.plots import COLOURS, INK, REST, STYLE

Rows = Sequence[Mapping[str, Any]]

TICKS = (1, 1.5, 2, 3, 4, 6, 8)


def costs(rows: Rows, policies: Sequence[str]) -> Figure:
    """Draw each trace's cost under each policy, as multiples of the oracle's.

    A row has `trace` and, by policy, `relative`: the mean over the trace's seeds.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8, 0.45 * len(rows) + 1.4), layout="constrained")
        axes = figure.add_subplot()
        height = 0.8 / len(policies)
        for number, (name, colour) in enumerate(zip(policies, COLOURS, strict=False)):
            relative: list[float] = [row[name]["relative"] for row in rows]
            places = [row + number * height for row in range(len(rows))]
            axes.barh(places, relative, height=height, color=colour, label=name)
        axes.axvline(1, color=INK, linewidth=0.8)
        middle = (len(policies) - 1) / 2 * height
        axes.set_yticks([row + middle for row in range(len(rows))], [str(r["trace"]) for r in rows])
        axes.invert_yaxis()
        axes.set(xlabel="cost, as multiples of the oracle's (simulated)", xscale="log")
        axes.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.legend(loc="lower right")
    return figure


def captioners(name: str, needed: Sequence[float], held: Mapping[str, Sequence[int]]) -> Figure:
    """Draw the captioners that each policy pays for over one trace, and those that it needs."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8, 3.2), layout="constrained")
        axes = figure.add_subplot()
        axes.fill_between(range(len(needed)), needed, step="post", color=REST, alpha=0.4)
        for (policy, replicas), colour in zip(held.items(), COLOURS, strict=False):
            axes.step(range(len(replicas)), replicas, where="post", color=colour, label=policy)
        axes.set(title=f"{name}: {CAPTIONER}s (simulated; grey: fully busy)", xlabel="s")
        axes.set(ylim=(0, None))
        axes.legend(loc="upper right")
    return figure
