"""`python -m benchmarks.offline`: the engines alone and the command, in turn; then memory."""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.hardware import describe
from benchmarks.offline.command import Watched, watch
from benchmarks.offline.engines import captions_per_s
from benchmarks.offline.pictures import files_in
from benchmarks.peers.ratio_intervals import ratio_interval
from benchmarks.service import COMMAND

ROOT = Path(__file__).parents[2]
OUTPUT = ROOT / "benchmarks" / "results" / "offline.json"
MIN_SHARE = 0.95
"""The target: the command's steady pace as a share of what the engines give alone."""

MAX_GROWTH = 1.1
"""The target: the most memory with ten times as many rows, as a multiple."""

STEADY = (0.1, 0.9)
"""The steady pace is measured between these shares of the rows."""

WARM_UP_S = 5.0
ROWS = (10_000, 100_000)


def paces(pictures: int, engine_s: float, rounds: int, folder: Path) -> dict[str, Any]:
    """Measure the engines and the command in turn; return every figure, and the shares.

    A round's share is of the mean of the engines before it and after it.
    """
    files_in(folder / "pictures", pictures)
    engines_per_s = [captions_per_s(WARM_UP_S, engine_s)]
    batches = []
    for _ in range(rounds):
        batches.append(_batch(folder))
        engines_per_s.append(captions_per_s(WARM_UP_S, engine_s))
        print(f"engines {engines_per_s}, batch {batches[-1]['steady_per_s']:.1f}", flush=True)
    around_per_s = [sum(pair) / 2 for pair in pairwise(engines_per_s)]
    steady_per_s = [batch["steady_per_s"] for batch in batches]
    return {
        "pictures": pictures,
        "engines_per_s": engines_per_s,
        "batches": batches,
        "shares": [ours / theirs for ours, theirs in zip(steady_per_s, around_per_s, strict=True)],
        "share": sum(steady_per_s) / sum(around_per_s),
        "share_interval": ratio_interval(
            dict(enumerate(steady_per_s)), dict(enumerate(around_per_s))
        ),
    }


def _batch(folder: Path) -> dict[str, Any]:
    """Caption the folder's pictures; return the pace and the most memory."""
    table = folder / "captions.jsonl"
    command = [str(COMMAND), "batch", str(folder / "pictures"), str(table), "--overwrite"]
    run = watch(command, Path(f"{table}.journal"), folder / "log")
    assert run.status == 0, (folder / "log").read_text()
    return {
        "start_s": run.start_s,
        "seconds": run.seconds,
        "steady_per_s": run.per_s(*STEADY),
        **_memory(run),
    }


def held(rows: int, folder: Path) -> dict[str, Any]:
    """Send rows through stand-ins for the engines; return the most memory they took."""
    table = folder / f"{rows}.jsonl"
    command = [sys.executable, "-m", "benchmarks.offline.stand_ins", str(rows), str(table)]
    run = watch(command, Path(f"{table}.journal"), folder / "log")
    assert run.status == 0, (folder / "log").read_text()
    return {"rows": rows, "seconds": run.seconds, **_memory(run)}


def _memory(run: Watched) -> dict[str, int]:
    return {"private_bytes": run.private_bytes, "shared_bytes": run.shared_bytes}


def lines(paced: dict[str, Any], memory: list[dict[str, Any]]) -> list[str]:
    """Return what is printed."""
    interval = paced["share_interval"]
    within = "one round" if interval is None else "{:.2f} to {:.2f}".format(*interval)
    shown = [
        f"engines alone  {_each(paced['engines_per_s'])} captions/s",
        f"batch          {_each(one['steady_per_s'] for one in paced['batches'])} captions/s",
        f"share          {paced['share']:.2f} of the engines', {within} (target: {MIN_SHARE})",
    ]
    for one in memory:
        shown.append(
            f"{one['rows']:>7} rows    {one['private_bytes'] / 1e6:.0f} MB private,"
            f" {one['shared_bytes'] / 1e6:.0f} MB in the object store, {one['seconds']:.0f} s"
        )
    if len(memory) > 1:
        shown.append(f"growth         {growth(memory):.3f} (target: at most {MAX_GROWTH})")
    return shown


def _each(per_s: Iterable[float]) -> str:
    return ", ".join(f"{one:.1f}" for one in per_s)


def growth(memory: list[dict[str, Any]]) -> float:
    """Return the last one's memory as a multiple of the first one's."""
    first, *_, last = (one["private_bytes"] + one["shared_bytes"] for one in memory)
    return float(last / first)


def main() -> int:
    """Measure, print and write; 1 if a target is missed."""
    parser = argparse.ArgumentParser("python -m benchmarks.offline", description=__doc__)
    parser.add_argument("--pictures", type=int, default=ROWS[0])
    parser.add_argument("--engine-s", type=float, default=20.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="keeps the painted pictures for another run")
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        paced = paces(options.pictures, options.engine_s, options.rounds, folder)
        memory = [held(rows, Path(temporary)) for rows in ROWS]
    print("\n".join(lines(paced, memory)))
    result = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "pace": paced,
        "memory_with_stand_ins": memory,
        "growth": growth(memory),
        "environment": asdict(describe()),
    }
    options.output.write_text(json.dumps(result, indent=1) + "\n")
    return 0 if paced["share"] >= MIN_SHARE and growth(memory) <= MAX_GROWTH else 1


if __name__ == "__main__":
    sys.exit(main())
