"""Measured requests/s by the number in flight → an engine's rate for any number.

The points come from `python -m benchmarks.autoscaling.measure`, which runs the real engines.
"""

import json
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MEASURED = Path(__file__).parents[1] / "results" / "cluster" / "curves.json"


@dataclass(frozen=True)
class Curve:
    """Requests/s of one engine with so many in flight, ascending.

    Between two points the latency is on a straight line, beyond the last the rate is constant: more
    than the engine holds wait.
    """

    in_flight: tuple[int, ...]
    per_s: tuple[float, ...]

    def __post_init__(self) -> None:
        ascending = list(self.in_flight) == sorted(set(self.in_flight))
        if not self.in_flight or self.in_flight[0] != 1 or not ascending:
            raise ValueError("a curve begins with one in flight, and its numbers ascend")
        if len(self.in_flight) != len(self.per_s) or min(self.per_s) <= 0:
            raise ValueError("a curve has one positive rate for each number in flight")

    @property
    def most(self) -> int:
        """Return the highest number in flight that was measured."""
        return self.in_flight[-1]

    def rate(self, in_flight: int) -> float:
        """Return the requests/s with so many in flight, at least one."""
        if in_flight >= self.most:
            return self.per_s[-1]
        after = bisect_left(self.in_flight, in_flight)
        if self.in_flight[after] == in_flight:
            return self.per_s[after]
        low, high = self.in_flight[after - 1], self.in_flight[after]
        low_s, high_s = low / self.per_s[after - 1], high / self.per_s[after]
        part = (in_flight - low) / (high - low)
        return in_flight / (low_s + part * (high_s - low_s))

    def divided(self, by: int) -> tuple[float, ...]:
        """Return the rates of 0, 1, … requests in a `by`-th of the engine.

        It takes a `by`-th of the requests at once, each as long as in the whole engine.
        """
        count = max(1, self.most // by)
        return (0.0, *(self.rate(by * number) / by for number in range(1, count + 1)))


def read_curves(path: Path = MEASURED) -> dict[str, Curve]:
    """Return the measured curves by stage: `describer`, `captioner`."""
    stages: Mapping[str, Mapping[str, list[float]]] = json.loads(path.read_text())["stages"]
    return {
        name: Curve(
            tuple(int(number) for number in stage["in_flight"]), tuple(map(float, stage["per_s"]))
        )
        for name, stage in stages.items()
    }
