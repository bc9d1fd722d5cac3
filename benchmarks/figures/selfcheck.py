"""Was it the client? Effort and send delays → reasons to distrust a round's figures."""

from collections.abc import Sequence

import numpy as np

from benchmarks.load.sample import Sample
from benchmarks.load.worker import Effort

MAX_CPU_SHARE = 0.80
"""Share of one core above which a client process queues its own work."""
MAX_DELAY_P99_S = 0.010
MAX_DELAY_SHARE = 0.05
"""Late sends and a late event loop add to the measured latency. They may reach the larger of 10 ms
and this share of the median E2E latency."""


def client_limits(
    samples: Sequence[Sample], efforts: Sequence[Effort], *, ended_early: bool
) -> list[str]:
    """Return one sentence for each sign that the client was the limit; empty: it was not."""
    found = []
    if ended_early:
        found.append(f"max_requests ended the load after {len(samples)} requests")
    cpu_share = max((effort.cpu_share for effort in efforts), default=0.0)
    if cpu_share > MAX_CPU_SHARE:
        found.append(
            f"a client process used {cpu_share:.0%} of a core (at most {MAX_CPU_SHARE:.0%}): "
            "use more processes"
        )
    allowed_s = _allowed_delay_s(samples)
    lags = [lag for effort in efforts for lag in effort.lags_s]
    lag_s = float(np.quantile(lags, 0.99)) if lags else 0.0
    if lag_s > allowed_s:
        found.append(
            f"the client's event loop was late by {lag_s * 1e3:.0f} ms (p99): it got too little "
            "of the processor, and some latencies are too high by as much"
        )
    delays = [s.sent_s - s.scheduled_s for s in samples if s.sent_s is not None]
    delay_s = float(np.quantile(delays, 0.99)) if delays else 0.0
    waited = sum(effort.waited for effort in efforts)
    if waited:
        found.append(
            f"{waited} requests waited for max_in_flight: the load was no longer open, though "
            "latencies still count from the time each was due"
        )
    elif delay_s > allowed_s:
        found.append(f"requests were sent {delay_s * 1e3:.0f} ms late (p99)")
    return found


def _allowed_delay_s(samples: Sequence[Sample]) -> float:
    e2e_s = [sample.e2e_s for sample in samples if sample.ok]
    return max(MAX_DELAY_P99_S, MAX_DELAY_SHARE * float(np.median(e2e_s)) if e2e_s else 0.0)
