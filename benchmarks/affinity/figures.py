"""What was sent → the rows of the result file, and the table for the terminal."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

from benchmarks.affinity.stages import Way
from benchmarks.affinity.traces import Trace
from benchmarks.figures.calls import medians_ms

What = Literal["repeats", "fresh", "light", "heavy", "adapters"]
"""Pictures that come again; pictures that do not; such pictures at a tenth and at four fifths of
what describers bear that take one at a time; prompts for more adapters than fit."""


@dataclass(frozen=True)
class Sent:
    """The seconds that each answer took from when it was due, and how often the stage said what."""

    latencies_s: list[float]
    said: Counter[str]
    cpu_s: float


@dataclass(frozen=True)
class Case:
    """One trace over so many replicas, each way."""

    what: What
    replicas: int
    way: Way


def row(case: Case, traces: Sequence[Trace], repeats: Sequence[Sent]) -> dict[str, Any]:
    """Return the medians over the repeats; `best` is the hit rate of one cache for all."""
    new = "load" if case.what == "adapters" else "miss"
    found = {
        "what": case.what,
        "replicas": case.replicas,
        "way": case.way,
        "repeats": len(repeats),
        "requests": median(len(sent.latencies_s) for sent in repeats),
        "distinct": median(trace.distinct for trace in traces),
        "worked": median(sent.said[new] for sent in repeats),
        **medians_ms(repeats),
    }
    if case.what == "repeats":
        found["hit_rate"] = median(1 - sent.said[new] / sent.said.total() for sent in repeats)
        found["best"] = median(1 - trace.distinct / len(trace.items) for trace in traces)
    return found


def lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the table. `worked` counts descriptions that were made, or adapters loaded."""
    head = f"{'':>9} {'replicas':>8} {'way':>12} {'requests':>8} {'distinct':>8} {'worked':>7}"
    return [
        f"{head} {'hits':>6} {'p50 ms':>7} {'p95 ms':>7} {'CPU ms':>7}",
        *(
            f"{one['what']:>9} {one['replicas']:>8} {one['way']:>12} {one['requests']:8.0f}"
            f" {one['distinct']:8.0f} {one['worked']:7.0f} {one.get('hit_rate', 0):6.3f}"
            f" {one['p50_ms']:7.1f} {one['p95_ms']:7.1f} {one['cpu_ms']:7.2f}"
            for one in rows
        ),
    ]
