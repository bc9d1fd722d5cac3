"""What gateways and stages count of their own work, for the scaling of their replicas.

Counters that only rise, and what is in use at present. Serve hands them to `deployments.scaling`
under the names given here. They are beside Prometheus' metrics because Serve's controller reads no
Prometheus. Refusals are not among them: a caller may repeat a request as often as it likes.
"""

import time
from collections import Counter
from collections.abc import Callable

CPU_S = "cpu_s"
LOOP_CPU_S = "loop_cpu_s"
FINISHED = "finished"

IN_FLIGHT = "in_flight"
PLACES = "places"
FULL = "full"
BYTES_SHARE = "bytes_share"


def asked(stage: str) -> str:
    """Return the name of the counter of the calls to a stage."""
    return f"{stage}_asked"


def done(stage: str) -> str:
    """Return the name of the counter of the calls to a stage that have ended."""
    return f"{stage}_done"


def wait_p95(stage: str) -> str:
    """Return the name of the 95th percentile of the seconds that callers of a stage waited."""
    return f"{stage}_wait_p95_s"


class Work:
    """The counters of one replica's process, and what it has in use."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._in_use: dict[str, Callable[[], float]] = {}

    def count(self, name: str) -> None:
        """Count one event."""
        self._counts[name] += 1

    def watch(self, name: str, in_use: Callable[[], float]) -> None:
        """Report what `in_use` returns under this name."""
        self._in_use[name] = in_use

    def counters(self, *names: str) -> dict[str, float]:
        """Return these counters, what is in use, and the CPU time of process and thread.

        The thread is the caller's. Serve calls it in that of the event loop.
        """
        return (
            {CPU_S: time.process_time(), LOOP_CPU_S: time.thread_time()}
            | {name: float(self._counts[name]) for name in names}
            | {name: float(in_use()) for name, in_use in self._in_use.items()}
        )
