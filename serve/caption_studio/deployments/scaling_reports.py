"""Counters that replicas reported to Serve → rates, and how much of the truth they are.

A counter's rate is the difference of its last and first value in the reported time, process by
process, so a process that restarts is a new one and nothing runs backwards. A series that ended
longer ago than `STALE_S` counts as lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from ray.serve.config import AutoscalingContext

from caption_studio.observability.work import CPU_S, FINISHED, REFUSED, asked, done
from caption_studio.scaling import load

STALE_S = 10.0
"""As long as Serve keeps the reports of handles (RAY_SERVE_MIN_HANDLE_METRICS_TIMEOUT_S, 2.60)."""


@dataclass(frozen=True)
class Told:
    """What the gateways reported. A rate is None if no gateway has reported any.

    `heard` is the share of the running gateways whose reports are there; the rates are of those.
    """

    has_gateways: bool = True
    heard: float = 1.0
    cpus: float | None = None
    decoded_per_s: float | None = None
    refused_per_s: float = 0.0
    pictures_per_s: float | None = None
    described_per_s: float | None = None
    captioned_per_s: float | None = None

    @classmethod
    def by(cls, gateways: AutoscalingContext, now_s: float) -> Self:
        """Return what the gateways of this deployment told by now."""
        running = gateways.current_num_replicas
        reports = (gateways.raw_metrics or {}).get(CPU_S, {})
        if not running or not reports:
            return cls(has_gateways=running > 0)
        fresh = sum(_per_s(series, now_s) is not None for series in reports.values())

        def rate(name: str) -> float | None:
            return _sum_per_s(gateways, name, now_s)

        return cls(
            heard=min(1.0, fresh / running),
            cpus=rate(CPU_S),
            decoded_per_s=rate(done("intake")),
            refused_per_s=rate(REFUSED) or 0.0,
            pictures_per_s=rate(asked("intake")),
            described_per_s=rate(asked("describer")),
            captioned_per_s=rate(asked("captioner")),
        )

    def asked_per_s(self, name: str) -> float | None:
        """Return what was asked of a deployment, with its share of what was refused as full."""
        if name == load.GATEWAY:
            return self.pictures_per_s
        per_s = self.described_per_s if name == load.DESCRIBER else self.captioned_per_s
        if per_s is None:
            return None
        let_in = max(self.described_per_s or 0.0, self.captioned_per_s or 0.0)
        return per_s * (1 + self.refused_per_s / let_in) if let_in else per_s


def finished_per_s(stage: AutoscalingContext, now_s: float) -> float | None:
    """Return the requests/s that a stage's replicas finished; None if none has reported."""
    return _sum_per_s(stage, FINISHED, now_s)


def _sum_per_s(context: AutoscalingContext, name: str, now_s: float) -> float | None:
    series = (context.raw_metrics or {}).get(name, {})
    rates = [rate for points in series.values() if (rate := _per_s(points, now_s)) is not None]
    return sum(rates) if rates else None


def _per_s(points: Sequence[Any], now_s: float) -> float | None:
    """Return a counter's rate; None if the report is lost, or has not two points yet."""
    if len(points) < 2 or now_s - points[-1].timestamp > STALE_S:
        return None
    passed_s = points[-1].timestamp - points[0].timestamp
    return (points[-1].value - points[0].value) / passed_s if passed_s > 0 else None
