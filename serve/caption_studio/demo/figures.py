"""Counts of what held → shares with intervals, and the commit that they belong to."""

import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

from caption_studio.training.evaluation.measures.intervals import share


class Tally:
    """How often each of several things was tried, and held."""

    def __init__(self) -> None:
        self._tried: dict[str, list[bool]] = defaultdict(list)

    def add(self, name: str, held: bool) -> None:
        """Count one trial."""
        self._tried[name].append(held)

    def shares(self) -> dict[str, dict[str, Any]]:
        """Return share, interval and number of trials of each, in the order of the first trials."""
        return {name: self._share(tried) for name, tried in self._tried.items()}

    def _share(self, tried: list[bool]) -> dict[str, Any]:
        held = share(tried)
        return {
            "share": round(held.value, 4),
            "interval": [round(held.low, 4), round(held.high, 4)],
            "n": held.n,
        }


def commit() -> str:
    """Return the commit of the source, ending in `-dirty` where files were changed."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent)
    return done.stdout.strip()
