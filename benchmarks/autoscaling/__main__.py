"""`python -m benchmarks.autoscaling`: tune on the tuning traces, compare on the others.

Writes results/cluster/autoscaling.json and the figures of docs/scaling.md. With `--trace FILE` it
compares on a trace of your own instead and prints the table only.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.autoscaling import compare, oracle
from benchmarks.autoscaling.cost import Bill
from benchmarks.autoscaling.curves import MEASURED, read_curves
from benchmarks.autoscaling.plot import captioners, costs
from benchmarks.autoscaling.policies import POLICIES, Tuning
from benchmarks.autoscaling.reports import CAPTIONER
from benchmarks.autoscaling.service import System
from benchmarks.autoscaling.traces import Trace, recorded
from benchmarks.hardware import describe
from benchmarks.report.plots import png

RESULT = MEASURED.with_name("autoscaling.json")
DRAWN = ("on and off", "tenfold rush")
ORACLE = "oracle"

Tunings = Mapping[str, Tuning]
Pair = tuple[float, float]


def tune(system: System, name: str) -> list[compare.Tried]:
    """Return a policy's tunings on the tuning traces, the cheapest first."""
    return compare.tuned(name, system, compare.tuning_traces(system))


def judge(system: System, tunings: Tunings, trace: Trace) -> dict[str, Any]:
    """Return the bills of all policies and of the oracle for one trace, and the replicas held."""
    outcome, bill = compare.with_foresight(system, trace)
    row: dict[str, Any] = {"trace": trace.name, ORACLE: _figures(bill, bill)}
    foreseen = outcome.held[CAPTIONER]
    held = {}
    for name, tuning in tunings.items():
        outcome = compare.run(system, trace, POLICIES[name](tuning))
        row[name] = _figures(compare.bill(system, outcome), bill)
        held[name] = outcome.held[CAPTIONER]
    if trace.name in DRAWN:
        row["held"] = {**held, ORACLE: foreseen}
    return row


def _figures(bill: Bill, of_oracle: Bill) -> dict[str, float]:
    return {
        "replica_s": round(bill.replica_s, 1),
        "missed": bill.missed,
        "missed_share": round(bill.missed_share, 5),
        "cost_s": round(bill.total_s, 1),
        "relative": round(bill.total_s / of_oracle.total_s, 3),
    }


def mean_rows(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one row for each kind of trace: the means over its seeds."""
    kinds = list(dict.fromkeys(row["trace"] for row in rows))
    names = [name for name in rows[0] if name not in ("trace", "held")]
    return [
        {
            "trace": kind,
            **{
                name: {
                    figure: mean(row[name][figure] for row in rows if row["trace"] == kind)
                    for figure in rows[0][name]
                }
                for name in names
            },
        }
        for kind in kinds
    ]


def dominated(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return the runs where another policy is better than ours in one of both and as good in both.

    That is in replica-seconds and in misses.
    """
    return _where(
        rows,
        lambda its, own: (
            its != own and all(one <= other for one, other in zip(its, own, strict=True))
        ),
    )


def beaten(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return the runs where another policy has fewer of both than ours."""
    return _where(
        rows, lambda its, own: all(one < other for one, other in zip(its, own, strict=True))
    )


def _where(
    rows: Sequence[Mapping[str, Any]], holds: Callable[[Pair, Pair], bool]
) -> list[tuple[str, str]]:
    return [
        (row["trace"], name)
        for row in rows
        for name in POLICIES
        if name != "ours" and holds(_pair(row[name]), _pair(row["ours"]))
    ]


def _pair(figures: Mapping[str, float]) -> Pair:
    return figures["replica_s"], figures["missed"]


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows as a Markdown table: replica-seconds, misses, cost over the oracle's."""
    names = (*POLICIES, ORACLE)
    lines = ["| trace | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for row in rows:
        cells = (
            f"{row[n]['replica_s']:,.0f}, {row[n]['missed_share']:.1%}, {row[n]['relative']:.2f}"
            for n in names
        )
        lines.append(f"| {row['trace']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison; return 0, or 2 if a trace cannot be read."""
    parser = argparse.ArgumentParser("python -m benchmarks.autoscaling", description=__doc__)
    parser.add_argument("--trace", type=Path, metavar="FILE", help="a trace of your own")
    options = parser.parse_args(arguments)
    system = compare.system_of(read_curves())
    try:
        own = None if options.trace is None else recorded(options.trace, seed=1)
    except (OSError, ValueError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        tried = dict(zip(POLICIES, pool.map(partial(tune, system), POLICIES), strict=True))
        tunings = {name: each[0].tuning for name, each in tried.items()}
        on = [own] if own else compare.test_traces(system)
        rows = list(pool.map(partial(judge, system, tunings), on))
    means = mean_rows(rows)
    print(table(means))
    print("fewer of both:", beaten(rows) or "none")
    print("as good in one, better in the other:", dominated(rows) or "none")
    if own is None:
        _write(system, tried, rows, means)
    return 0


def _write(
    system: System,
    tried: Mapping[str, Sequence[compare.Tried]],
    rows: Sequence[Mapping[str, Any]],
    means: Sequence[Mapping[str, Any]],
) -> None:
    result = {
        "simulated_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "environment": asdict(describe()),
        "tuned": {name: [asdict(one) for one in each] for name, each in tried.items()},
        "rows": [{k: v for k, v in row.items() if k != "held"} for row in rows],
        "mean_relative": {n: round(mean(r[n]["relative"] for r in rows), 3) for n in POLICIES},
        "beaten": beaten(rows),
        "dominated": dominated(rows),
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    RESULT.with_suffix(".png").write_bytes(png(costs(means, tuple(POLICIES))))
    drawn = {row["trace"]: row["held"] for row in reversed(rows) if "held" in row}
    traces = {trace.name: trace for trace in reversed(compare.test_traces(system))}
    for name, held in drawn.items():
        needed = oracle.busy(CAPTIONER, system, traces[name]).tolist()
        file = RESULT.with_name(f"autoscaling-{name.replace(' ', '-')}.png")
        file.write_bytes(png(captioners(name, needed, held)))


if __name__ == "__main__":
    sys.exit(main())
