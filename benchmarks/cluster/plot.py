"""Results of the cluster → figures, in the benchmarks' style."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmarks.cluster.nodes import KINDS
from benchmarks.report.plots import COLOURS, INK, REST, STYLE

BIN_S = 2


def timeline(result: dict[str, Any]) -> Figure:
    """Draw load, replicas, nodes, latency and failures of one run over time."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8, 8.5), layout="constrained")
        load, replicas, nodes, latency = figure.subplots(4, sharex=True)
        _load(load, result)
        lines = [line for line in result["timeline"] if line["t_s"] >= 0]
        at_s = [line["t_s"] for line in lines]
        for kind, colour in zip(KINDS, COLOURS, strict=False):
            running = [line[kind].get("RUNNING", 0) for line in lines]
            replicas.step(at_s, running, where="post", color=colour, label=kind)
            wanted = [line[kind]["target"] for line in lines]
            replicas.step(at_s, wanted, where="post", color=colour, linestyle=":", linewidth=1)
            there = [line["nodes"].get(kind, 0) for line in lines]
            nodes.step(at_s, there, where="post", color=colour, label=kind)
        replicas.set(ylabel="replicas (dotted: wanted)")
        nodes.set(ylabel="nodes")
        nodes.yaxis.set_major_locator(MaxNLocator(integer=True))
        good = [sample for sample in result["samples"] if sample[2] == "ok"]
        latency.scatter([s[0] for s in good], [s[1] for s in good], s=4, color=COLOURS[0])
        bad = [sample for sample in result["samples"] if sample[2] != "ok"]
        latency.scatter([s[0] for s in bad], [s[1] for s in bad], marker="x", color=COLOURS[4])
        latency.set(ylabel="E2E latency, s", xlabel=f"s; {len(bad)} of {len(good + bad)} failed")
        for line in lines:
            if "event" in line:
                _mark((load, replicas, nodes, latency), line["t_s"], line["event"].split()[0])
        replicas.legend(loc="upper right")
    return figure


def _load(axes: Axes, result: dict[str, Any]) -> None:
    counts = Counter(int(sample[0] // BIN_S) for sample in result["samples"])
    bins = range(max(counts) + 1)
    axes.bar(
        [number * BIN_S for number in bins],
        [counts[number] / BIN_S for number in bins],
        width=BIN_S,
        align="edge",
        color=REST,
    )
    axes.set(ylabel="requests/s", title=f"{result['name']}: {result['models']['stand_ins']}")


def _mark(all_axes: Sequence[Axes], at_s: float, text: str) -> None:
    for axes in all_axes:
        axes.axvline(at_s, color=INK, linestyle="--", linewidth=0.8)
    top = (at_s, all_axes[0].get_ylim()[1])
    all_axes[0].annotate(f"{text} a node", top, xytext=(3, -8), textcoords="offset points")
