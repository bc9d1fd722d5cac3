"""`python -m benchmarks.offline`: engines alone, the command, engines again; then memory."""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.figures.intervals import estimate
from benchmarks.hardware import describe
from benchmarks.offline.command import Watched, watch
from benchmarks.offline.engines import captions_per_s
from benchmarks.offline.pictures import files_in
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


def pace(pictures: int, engine_s: float, folder: Path) -> dict[str, Any]:
    """Measure the engines before and after the command; return the figures."""
    files_in(folder / "pictures", pictures)
    before_per_s = captions_per_s(WARM_UP_S, engine_s)
    table = folder / "captions.jsonl"
    command = [str(COMMAND), "batch", str(folder / "pictures"), str(table), "--overwrite"]
    run = watch(command, Path(f"{table}.journal"), folder / "log")
    assert run.status == 0, (folder / "log").read_text()
    engines = estimate([before_per_s, captions_per_s(WARM_UP_S, engine_s)])
    assert engines is not None, "it was measured twice"
    steady_per_s = run.per_s(*STEADY)
    return {
        "pictures": pictures,
        "engines_per_s": engines.mean,
        "engines_half_width": engines.half_width,
        "start_s": run.start_s,
        "seconds": run.seconds,
        "steady_per_s": steady_per_s,
        "share": steady_per_s / engines.mean,
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
    shown = [
        f"engines alone  {paced['engines_per_s']:.1f} captions/s",
        f"batch          {paced['steady_per_s']:.1f} captions/s after {paced['start_s']:.0f} s of"
        f" start; {paced['share']:.2f} of the engines' (target: {MIN_SHARE})",
    ]
    for one in memory:
        shown.append(
            f"{one['rows']:>7} rows    {one['private_bytes'] / 1e6:.0f} MB private,"
            f" {one['shared_bytes'] / 1e6:.0f} MB in the object store, {one['seconds']:.0f} s"
        )
    if len(memory) > 1:
        shown.append(f"growth         {growth(memory):.3f} (target: at most {MAX_GROWTH})")
    return shown


def growth(memory: list[dict[str, Any]]) -> float:
    """Return the last one's memory as a multiple of the first one's."""
    first, *_, last = (one["private_bytes"] + one["shared_bytes"] for one in memory)
    return float(last / first)


def main() -> int:
    """Measure, print and write; 1 if a target is missed."""
    parser = argparse.ArgumentParser("python -m benchmarks.offline", description=__doc__)
    parser.add_argument("--pictures", type=int, default=ROWS[0])
    parser.add_argument("--engine-s", type=float, default=20.0, help="of each measurement")
    parser.add_argument("--folder", type=Path, help="keeps the painted pictures for another run")
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        paced = pace(options.pictures, options.engine_s, options.folder or Path(temporary))
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
