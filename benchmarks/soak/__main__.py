"""`python -m benchmarks soak`: load the demo for an hour, say whether anything grows."""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.arguments import up_to
from benchmarks.hardware import describe
from benchmarks.server import StartFailed
from benchmarks.soak.pictures import picture_server
from benchmarks.soak.run import Plan, Soak, as_rows, soak
from benchmarks.soak.service import service
from benchmarks.soak.verdict import Row, faults, lines, rows, value

MAX_MINUTES = 24 * 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the soak; return 0: no growth and no wrong answer, 1: a fault, 2: it did not start."""
    options = _parser().parse_args(arguments)
    plan = Plan(options.warm_up_minutes * 60, options.minutes * 60, options.per_s, options.seed)
    try:
        found = measure(plan)
    except StartFailed as error:
        print(f"soak: the service did not start: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    table = rows(found.readings, plan.warm_up_s)
    print(*lines(found, table), sep="\n")
    write(options.out, plan, found, table)
    return 1 if faults(found, table) else 0


def measure(plan: Plan) -> Soak:
    """Start the service, soak it, stop it."""
    with (
        tempfile.TemporaryDirectory(prefix="caption-studio-soak-") as folder,
        picture_server() as pictures,
        service(Path(folder), pictures) as soaked,
    ):
        return asyncio.run(soak(soaked, pictures, plan))


def write(folder: Path, plan: Plan, found: Soak, table: Sequence[Row]) -> None:
    """Write `soak.json`, `soak-readings.jsonl` and `soak.png`."""
    from benchmarks.report.plots import png  # imports take half a second: after measuring
    from benchmarks.soak.plot import drawn

    folder.mkdir(parents=True, exist_ok=True)
    result: dict[str, Any] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "plan": asdict(plan),
        **value(found, table),
        "environment": asdict(describe()),
    }
    (folder / "soak.json").write_text(json.dumps(result, indent=1) + "\n")
    readings = (json.dumps(row) + "\n" for row in as_rows(found.readings))
    (folder / "soak-readings.jsonl").write_text("".join(readings))
    (folder / "soak.png").write_bytes(png(drawn(found.readings, plan.warm_up_s)))
    print(f"written: {folder}/soak.json, soak-readings.jsonl, soak.png")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("caption-bench soak", description=__doc__)
    parser.add_argument(
        "--minutes", type=up_to(MAX_MINUTES), default=60.0, help="that are measured"
    )
    parser.add_argument(
        "--warm-up-minutes", type=up_to(MAX_MINUTES), default=10.0, help="before them"
    )
    parser.add_argument("--per-s", type=float, default=5.0, help="requests a second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("tmp") / "benchmarks" / "soak")
    return parser


if __name__ == "__main__":
    sys.exit(main())
