"""Calls of several repeats → the medians of their latencies and of the CPU time of one."""

from collections.abc import Sequence
from statistics import median, quantiles
from typing import Protocol


class Timed(Protocol):
    """One repeat: the seconds that each call took, and the CPU seconds of all."""

    @property
    def latencies_s(self) -> list[float]: ...  # noqa: D102

    @property
    def cpu_s(self) -> float: ...  # noqa: D102


def medians_ms(repeats: Sequence[Timed]) -> dict[str, float]:
    """Return p50, p95 and CPU of a call, each in milliseconds and the median of the repeats."""
    return {
        "p50_ms": median(1e3 * median(one.latencies_s) for one in repeats),
        "p95_ms": median(1e3 * quantiles(one.latencies_s, n=20)[-1] for one in repeats),
        "cpu_ms": median(1e3 * one.cpu_s / len(one.latencies_s) for one in repeats),
    }
