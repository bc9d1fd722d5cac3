"""Readings → memory, descriptors, threads and processes of each part over time."""

from collections.abc import Sequence

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.report.plots import COLOURS, INK, REST, STYLE
from benchmarks.soak.parts import Holding
from benchmarks.soak.run import Reading
from benchmarks.soak.verdict import MIB, QUANTITIES

LABELS = {"own_bytes": "memory, MiB"}


def drawn(readings: Sequence[Reading], warm_up_s: float) -> Figure:
    """Draw one panel for each quantity; the line marks the warm-up's end."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8, 11), layout="constrained")
        panels = figure.subplots(len(QUANTITIES), sharex=True)
        for axes, quantity in zip(panels, QUANTITIES, strict=True):
            _panel(axes, readings, quantity)
            axes.axvline(warm_up_s / 60, color=INK, linestyle=":", linewidth=1)
        panels[0].legend(loc="upper center", bbox_to_anchor=(0.5, 1.35), ncols=5)
        panels[-1].set(xlabel="minutes; dotted: the warm-up's end")
    return figure


def _panel(axes: Axes, readings: Sequence[Reading], quantity: str) -> None:
    minutes = [reading.at_s / 60 for reading in readings]
    unit = MIB if quantity == "own_bytes" else 1
    names = sorted({part for reading in readings for part in reading.parts})
    for number, part in enumerate(names):
        values = [
            getattr(reading.parts.get(part, Holding()), quantity) / unit for reading in readings
        ]
        colour = COLOURS[number] if number < len(COLOURS) else REST
        axes.plot(minutes, values, color=colour, linewidth=1, label=part)
    axes.set(ylabel=LABELS.get(quantity, quantity))
    axes.set_yscale("symlog" if quantity == "own_bytes" else "linear")
