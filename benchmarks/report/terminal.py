"""Live progress and tables for a terminal."""

import sys
from collections.abc import Sequence
from typing import TextIO

import numpy as np

from benchmarks.calibrate import Ceiling
from benchmarks.figures.measure import Figures
from benchmarks.load.worker import Progress
from benchmarks.report.rows import (
    Row,
    latency_rows,
    limits_text,
    load_text,
    number,
    rate_rows,
    stage_means,
)
from benchmarks.run import Result


class Live:
    """Prints a line for each finished round; on a terminal, also one that shows progress."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self._stream, self._shown = stream, stream.isatty()

    def progress(self, time_s: float, workers: list[Progress]) -> None:
        """Show the round's progress."""
        if not self._shown:
            return
        recent = [value for worker in workers for value in worker.recent_e2e_s]
        latency = f"E2E p50 {np.median(recent) * 1e3:.0f} ms" if recent else ""
        text = (
            f"{time_s:5.0f} s  {sum(w.finished for w in workers)} done  "
            f"{sum(w.in_flight for w in workers)} in flight  "
            f"{sum(w.failed for w in workers)} failed  {latency}"
        )
        self._stream.write(f"\r\x1b[2K{text}")
        self._stream.flush()

    def round(self, number_: int, figures: Figures) -> None:
        """Print the line of a finished round."""
        if self._shown:
            self._stream.write("\r\x1b[2K")
        p95 = f"E2E p95 {figures.e2e.p95_s * 1e3:.0f} ms" if figures.e2e else "no answers"
        self._stream.write(
            f"round {number_ + 1}: offered {number(figures.offered_per_s)}/s, "
            f"{number(figures.requests_per_s)} requests/s, {p95}, {figures.failed} failed\n"
        )
        self._stream.flush()


def table(result: Result) -> str:
    """Return one result as text."""
    scenario = result.scenario
    lines = [
        f"{scenario.name}: {load_text(scenario.load)}; {scenario.repeats} x "
        f"{scenario.duration_s:g} s after {scenario.warmup_s:g} s of warm-up",
        f"limits of goodput: {limits_text(scenario.limits)}",
        "",
        *map(_line, rate_rows(result)),
    ]
    for label, rows in latency_rows(result):
        lines += ["", label, *map(_line, rows)]
    stages = stage_means(result)
    if stages:
        lines += ["", "stages (mean)"]
        lines += [_line(Row(n, f"{number(e.mean * 1e3)} ms")) for n, e in stages.items()]
    return "\n".join([*lines, "", *client_lines(result)])


def sweep_table(results: Sequence[Result]) -> str:
    """Return a sweep's points, a line each."""
    lines = [f"{'load':30} {'req/s':>8} {'good/s':>8} {'good':>6} {'p50 ms':>8} {'p95 ms':>8}"]
    for result in results:
        rate = result.estimate(lambda f: f.requests_per_s)
        goodput = result.estimate(lambda f: f.goodput_per_s)
        share = result.estimate(lambda f: f.good_share)
        p50 = result.estimate(lambda f: f.e2e.p50_s if f.e2e else None)
        p95 = result.estimate(lambda f: f.e2e.p95_s if f.e2e else None)
        columns = [(rate, 1, 8), (goodput, 1, 8), (share, 100, 6), (p50, 1e3, 8), (p95, 1e3, 8)]
        cells = [f"{number(e.mean * scale) if e else '-':>{width}}" for e, scale, width in columns]
        sign = f"  for {result.scenario.duration_s:g} s" if result.sustained else ""
        sign += "  client!" if result.client_was_the_limit else ""
        lines.append(f"{load_text(result.scenario.load):30} {' '.join(cells)}{sign}")
    return "\n".join(lines)


def client_lines(result: Result) -> list[str]:
    """Return lines on whether the client was the limit, and on its CPU use."""
    efforts = [effort for repeat in result.repeats for effort in repeat.round.efforts]
    lags = [lag for effort in efforts for lag in effort.lags_s] or [0.0]
    busiest = max(effort.cpu_share for effort in efforts)
    lines = [
        f"client: {busiest:.0%} of a core at most, event loop late by "
        f"{np.quantile(lags, 0.99) * 1e3:.1f} ms (p99)"
    ]
    return lines + [
        f"THE CLIENT WAS THE LIMIT in round {number_}: {why}"
        for number_, repeat in enumerate(result.repeats, 1)
        for why in repeat.client_limits
    ]


def ceiling_lines(ceilings: Sequence[Ceiling]) -> list[str]:
    """Return the client's own ceiling in words."""
    return [
        f"client's ceiling here, {'streamed' if c.streamed else 'whole'}: "
        f"{c.requests_per_s:.0f} requests/s beside the null server, "
        f"{c.per_core_per_s:.0f} per second of its own processor time"
        for c in ceilings
    ]


def _line(row: Row) -> str:
    return f"  {row.label:22} {row.value:>12} {row.interval}".rstrip()
