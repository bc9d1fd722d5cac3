"""`python -m benchmarks.starts`: start the service in rounds, count seconds, print and write.

With `--against FOLDER` another checkout of this repository is started in the same rounds.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.hardware import ROOT, commit_of, describe
from benchmarks.starts.figures import mean_parts, ratio, spread
from benchmarks.starts.start import Start, measure

THIS, OTHER = "this", "against"


def table(found: Mapping[str, Sequence[Start]]) -> list[str]:
    """Return the lines for the terminal."""
    lines: list[str] = []
    for name, starts in found.items():
        lines += [
            f"{name}: {len(starts)} starts",
            f"  ready             {spread([start.ready_s for start in starts])} s",
            f"  first answer      {spread([start.first_answer_s for start in starts])} s",
            f"  processor seconds {spread([start.total_s for start in starts])}",
        ]
        parts = mean_parts([start.processor_s for start in starts])
        lines += [f"    {part:16} {seconds:6.2f}" for part, seconds in parts.items()]
        idle = mean_parts([start.idle_share for start in starts])
        lines += [f"  idle, of one core {100 * sum(idle.values()):.1f} %"]
        lines += [f"    {part:16} {100 * share:6.2f}" for part, share in idle.items() if share]
    if OTHER in found:
        lines += [f"processor seconds over those of {OTHER}: {ratio(found[THIS], found[OTHER])}"]
    return lines


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser("python -m benchmarks.starts", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--idle-s", type=float, default=20.0, help="watched after the first answer")
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="another checkout")
    parser.add_argument("--output", type=Path, metavar="FILE", help="JSON")
    options = parser.parse_args()
    trees = {THIS: ROOT} | ({OTHER: options.against.resolve()} if options.against else {})
    found: dict[str, list[Start]] = {name: [] for name in trees}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.rounds):
            order = list(trees.items())[:: 1 if number % 2 == 0 else -1]
            for name, tree in order:
                found[name].append(measure(tree, Path(folder), number, idle_s=options.idle_s))
                print(f"round {number + 1}, {name}: {found[name][-1].total_s:.1f} s", flush=True)
    print("\n".join(table(found)))
    if options.output is not None:
        value: dict[str, Any] = {
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "idle_s": options.idle_s,
            "starts": {name: [asdict(start) for start in starts] for name, starts in found.items()},
            "commits": {name: commit_of(tree) for name, tree in trees.items()},
            "environment": asdict(describe()),
        }
        if OTHER in found:
            value["ratio"] = asdict(ratio(found[THIS], found[OTHER]))
        options.output.write_text(json.dumps(value, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
