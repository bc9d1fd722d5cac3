"""Samples of a round → its figures. Pure; all times in seconds.

The window begins after the warm-up. Latencies, error classes and the share of good answers cover
the requests that were *due* in the window, whenever they ended. Rates count the answers that were
*complete* in the window, whenever they were due: under overload this is the rate that the server
sustains, without the backlog that it answers afterwards.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.load.sample import Outcome, Sample
from benchmarks.scenario import Limits, Scenario

QUANTILES = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True)
class Latency:
    """Quantiles of one latency over `count` answers."""

    count: int
    mean_s: float
    p50_s: float
    p90_s: float
    p95_s: float
    p99_s: float
    max_s: float


@dataclass(frozen=True)
class Figures:
    """One round. `good_share` is None if nothing was due, latencies if nothing has them.

    `chunk_gap` is the gap between a stream's pieces, `itl` that between its tokens (Sample.itl_s).
    `stages` has the mean seconds of each stage that the service names.
    """

    due: int
    completed: int
    failed: int
    errors: dict[str, int]
    offered_per_s: float
    requests_per_s: float
    captions_per_s: float
    tokens_per_s: float
    goodput_per_s: float
    good_share: float | None
    e2e: Latency | None
    ttft: Latency | None
    itl: Latency | None
    chunk_gap: Latency | None
    send_delay: Latency | None
    stages: dict[str, float]


def figures(samples: Sequence[Sample], scenario: Scenario) -> Figures:
    """Compute a round's figures.

    A failed request is never good and counts in no latency.
    """
    begin_s, length_s = scenario.warmup_s, scenario.duration_s
    end_s = begin_s + length_s
    due = [s for s in samples if begin_s <= s.scheduled_s < end_s]
    ok = [s for s in due if s.ok]
    complete = [s for s in samples if s.ok and begin_s <= s.done_s < end_s]
    good = [is_good(s, scenario.limits) for s in due]
    return Figures(
        due=len(due),
        completed=len(ok),
        failed=len(due) - len(ok),
        errors=dict(Counter(str(s.outcome) for s in due if not s.ok).most_common()),
        offered_per_s=len(due) / length_s,
        requests_per_s=len(complete) / length_s,
        captions_per_s=sum(s.captions for s in complete) / length_s,
        tokens_per_s=sum(s.completion_tokens for s in complete) / length_s,
        goodput_per_s=sum(is_good(s, scenario.limits) for s in complete) / length_s,
        good_share=sum(good) / len(due) if due else None,
        e2e=latency([s.e2e_s for s in ok]),
        ttft=_latency_of(ok, lambda s: s.ttft_s),
        itl=_latency_of(ok, lambda s: s.itl_s),
        chunk_gap=latency([gap for s in ok for gap in s.chunk_gaps_s]),
        send_delay=latency([s.sent_s - s.scheduled_s for s in due if s.sent_s is not None]),
        stages=_stages(ok),
    )


def late_good_share(samples: Sequence[Sample], scenario: Scenario) -> float | None:
    """Return the share of good answers among those due in the window's last third."""
    end_s = scenario.warmup_s + scenario.duration_s
    begin_s = end_s - scenario.duration_s / 3
    good = [is_good(s, scenario.limits) for s in samples if begin_s <= s.scheduled_s < end_s]
    return sum(good) / len(good) if good else None


def is_good(sample: Sample, limits: Limits) -> bool:
    """Return whether the answer is complete and keeps all limits that apply to it.

    A whole answer has no TTFT and no ITL: only its E2E latency can break a limit.
    """
    if sample.outcome is not Outcome.OK:
        return False
    pairs = [
        (sample.e2e_s, limits.e2e_s),
        (sample.ttft_s, limits.ttft_s),
        (sample.itl_s, limits.itl_s),
    ]
    return all(v is None or limit is None or v <= limit for v, limit in pairs)


def latency(values_s: Sequence[float]) -> Latency | None:
    """Return quantiles, linearly interpolated; None without values."""
    if not values_s:
        return None
    values = np.asarray(values_s)
    p50, p90, p95, p99 = (float(q) for q in np.quantile(values, list(QUANTILES.values())))
    return Latency(len(values), float(values.mean()), p50, p90, p95, p99, float(values.max()))


def _latency_of(
    samples: Sequence[Sample], value: Callable[[Sample], float | None]
) -> Latency | None:
    return latency([v for v in map(value, samples) if v is not None])


def _stages(samples: Sequence[Sample]) -> dict[str, float]:
    """Return each stage's mean, in the order the service names them."""
    times: dict[str, list[float]] = {}
    for sample in samples:
        for name, time_s in sample.stage_times_s.items():
            times.setdefault(name, []).append(time_s)
    return {name: sum(values) / len(values) for name, values in times.items()}
