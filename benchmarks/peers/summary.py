"""Records of all peers → figures, those of each load of each peer; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from benchmarks.peers.records import RoundRecord, quantile

MIB = 1024**2


@dataclass(frozen=True)
class Figure:
    """Medians over the rounds of one load of one peer; lowest and highest rate beside them.

    `rates_per_s` is by round, `processor_ms` of one answer by part of the server, `memory_mib` by
    part. In `client_limited_rounds` rounds the client was the limit (figures.selfcheck).
    """

    rounds: int
    requests_per_s: float
    lowest_per_s: float
    highest_per_s: float
    tokens_per_s: float
    mean_tokens: float | None
    e2e_p50_s: float | None
    failed: int
    client_cpu_share: float | None
    e2e_p95_s: float | None = None
    e2e_p99_s: float | None = None
    ttft_p50_s: float | None = None
    ttft_p95_s: float | None = None
    itl_p50_s: float | None = None
    itl_p95_s: float | None = None
    client_limited_rounds: int = 0
    rates_per_s: Mapping[int, float] = field(default_factory=dict)
    processor_ms: Mapping[str, float] = field(default_factory=dict)
    memory_mib: Mapping[str, float] = field(default_factory=dict)


Figures = Mapping[tuple[str, str], Figure]
"""By peer and load."""


def figure(records: Sequence[RoundRecord]) -> Figure:
    """Return the medians of one load's rounds."""
    rates = [record.requests_per_s for record in records]
    return Figure(
        rounds=len(records),
        requests_per_s=median(rates),
        lowest_per_s=min(rates),
        highest_per_s=max(rates),
        tokens_per_s=median(record.tokens_per_s for record in records),
        mean_tokens=_median([record.mean_tokens for record in records]),
        e2e_p50_s=_quantile([record.e2e_s for record in records], 0.5),
        e2e_p95_s=_quantile([record.e2e_s for record in records], 0.95),
        e2e_p99_s=_quantile([record.e2e_s for record in records], 0.99),
        ttft_p50_s=_quantile([record.ttft_s for record in records], 0.5),
        ttft_p95_s=_quantile([record.ttft_s for record in records], 0.95),
        itl_p50_s=_quantile([record.itl_s for record in records], 0.5),
        itl_p95_s=_quantile([record.itl_s for record in records], 0.95),
        failed=sum(record.failed for record in records),
        client_cpu_share=_median([record.client_cpu_share for record in records]),
        client_limited_rounds=sum(bool(record.client_limits) for record in records),
        rates_per_s={record.round: record.requests_per_s for record in records},
        processor_ms=_medians([record.processor_ms for record in records]),
        memory_mib=_medians(
            [{part: b / MIB for part, b in record.memory_bytes.items()} for record in records]
        ),
    )


def figures(records: Mapping[str, Sequence[RoundRecord]]) -> dict[tuple[str, str], Figure]:
    """Return the figures of all measured peers and loads."""
    return {
        (peer, load): figure([record for record in measured if record.load == load])
        for peer, measured in records.items()
        for load in dict.fromkeys(record.load for record in measured)
    }


def _quantile(rounds: Sequence[Sequence[float]], share: float) -> float | None:
    """Return the median over the rounds of each round's quantile."""
    return _median([quantile(times_s, share) for times_s in rounds])


def _medians(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    parts = sorted({part for one in rounds for part in one})
    return {part: median(one.get(part, 0.0) for one in rounds) for part in parts}


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
