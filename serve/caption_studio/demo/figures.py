"""Counts of what held → shares with intervals, and the commit that they belong to."""

import math
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

_Z = 1.959964
"""The standard normal distribution's 97.5 % point, for intervals of 95 %."""


def wilson(held: int, number: int) -> tuple[float, float]:
    """Return the 95 % interval of a share by Wilson's score (1927, doi 10.2307/2276774).

    It takes the trials for independent. `number` is at least 1.
    """
    share, square = held / number, _Z**2 / number
    middle = (share + square / 2) / (1 + square)
    half = _Z * math.sqrt(share * (1 - share) / number + square / number / 4) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


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
        held, number = sum(tried), len(tried)
        low, high = wilson(held, number)
        return {
            "share": round(held / number, 4),
            "interval": [round(low, 4), round(high, 4)],
            "n": number,
        }


def commit() -> str:
    """Return the commit of the source, ending in `-dirty` where files were changed."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent)
    return done.stdout.strip()
