"""What gateways and stages count of their own work, for the scaling of their replicas.

Counters that only rise; Serve hands them to `deployments.scaling` under the names given here. They
are beside Prometheus' metrics because Serve's controller reads no Prometheus.
"""

import time
from collections import Counter

CPU_S = "cpu_s"
REFUSED = "refused"
FINISHED = "finished"


def asked(stage: str) -> str:
    """Return the name of the counter of the calls to a stage."""
    return f"{stage}_asked"


def done(stage: str) -> str:
    """Return the name of the counter of the calls to a stage that have ended."""
    return f"{stage}_done"


class Work:
    """The counters of one replica's process."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def count(self, name: str) -> None:
        """Count one event."""
        self._counts[name] += 1

    def counters(self, *names: str) -> dict[str, float]:
        """Return these counters and the CPU time of the process since its start."""
        return {CPU_S: time.process_time()} | {name: float(self._counts[name]) for name in names}
