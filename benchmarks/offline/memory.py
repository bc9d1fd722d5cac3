"""`python -m benchmarks.offline.memory`: the most memory of 10,000 and of 100,000 rows, in turn.

The same rows as in `python -m benchmarks.offline`, without its engines, and several times.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.hardware import describe
from benchmarks.offline.__main__ import MAX_GROWTH, ROOT, ROWS, growth, held

OUTPUT = ROOT / "benchmarks" / "results" / "offline-memory.json"

Round = Sequence[dict[str, Any]]
"""What `held` returns for each number of rows."""


def lines(rounds: Sequence[Round]) -> list[str]:
    """Return what is printed."""
    shown = []
    for one in rounds:
        sizes = ", ".join(
            f"{run['rows']} rows {run['private_bytes'] / 1e6:.0f}"
            f" + {run['shared_bytes'] / 1e6:.0f} MB"
            for run in one
        )
        shown.append(f"{sizes}: {growth(list(one)):.3f}")
    return [*shown, f"growth at most {most(rounds):.3f} (target: at most {MAX_GROWTH})"]


def most(rounds: Sequence[Round]) -> float:
    """Return the largest growth of all rounds."""
    return max(growth(list(one)) for one in rounds)


def main() -> int:
    """Measure, print and write; 1 if the target is missed in any round."""
    parser = argparse.ArgumentParser("python -m benchmarks.offline.memory", description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rounds = [[held(rows, Path(folder)) for rows in ROWS] for _ in range(options.rounds)]
    print("\n".join(lines(rounds)))
    result = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "rounds": rounds,
        "growth": most(rounds),
        "environment": asdict(describe()),
    }
    options.output.write_text(json.dumps(result, indent=1) + "\n")
    return 0 if most(rounds) <= MAX_GROWTH else 1


if __name__ == "__main__":
    sys.exit(main())
