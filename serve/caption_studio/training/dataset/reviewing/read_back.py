"""`dataset review`: a data set and what its page exported → the data set as it was reviewed."""

import argparse
import sys
from pathlib import Path

from caption_studio.training.dataset.outputs import Outputs, outputs_at, write_apart
from caption_studio.training.dataset.reviewing.page import read_decisions, reviewed
from caption_studio.training.rows import DataSetError, read_rows, write_rows

FAILED, MISUSED = 1, 2


def review(arguments: argparse.Namespace) -> int:
    """Write the reviewed data set; return 0, 1 if nothing is left of it, 2 for a misuse."""
    try:
        outputs = _outputs(arguments.rows, arguments.output)
        rows = read_rows(arguments.rows)
        decisions = read_decisions(arguments.export)
        found = reviewed(rows, decisions, accepted_only=arguments.accepted_only)
        write_apart(outputs.apart, found.apart)
        if found.rows:
            write_rows(outputs.rows, found.rows)
    except DataSetError as error:
        print(f"caption-studio: {error}", file=sys.stderr)
        return MISUSED
    counts = found.counts
    if counts["unknown"]:
        print(
            f"caption-studio: {counts['unknown']} decisions are about rows that "
            f"{arguments.rows} does not have.",
            file=sys.stderr,
        )
    if not found.rows:
        print("caption-studio: No caption is left.", file=sys.stderr)
        return FAILED
    told = ", ".join(
        f"{counts[name]} {name}" for name in ("accepted", "edited", "rejected", "undecided")
    )
    print(f"{outputs.rows}: {len(found.rows)} captions ({told})")
    return 0


def _outputs(rows: Path, given: Path | None) -> Outputs:
    outputs = outputs_at(given or rows.with_suffix(".reviewed.jsonl"))
    if outputs.rows.resolve() == rows.resolve():
        raise DataSetError(f"{rows} would be written over: name another --output.")
    return outputs
