"""Command line and output of the programs that run one engine by itself."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from benchmarks.peers.records import RoundRecord, to_json


@dataclass(frozen=True)
class Windows:
    """Length and number of the measuring windows."""

    warmup_s: float
    window_s: float
    repeats: int

    @classmethod
    def of(cls, chosen: argparse.Namespace) -> Self:
        """Return the windows of the command line."""
        return cls(chosen.warmup_s, chosen.window_s, chosen.repeats)


def arguments() -> argparse.ArgumentParser:
    """Return a parser for the arguments common to these programs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--warmup-s", type=float, required=True)
    parser.add_argument("--window-s", type=float, required=True)
    parser.add_argument("--repeats", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True, metavar="FILE")
    return parser


def write(records: Sequence[RoundRecord], output: Path) -> None:
    """Write the records for the harness."""
    output.write_text(json.dumps([to_json(record) for record in records]))
