"""Counters that replicas reported to Serve → rates, and how much of the truth they are.

A counter's rate is the difference of its last and first value in the reported time, process by
process, so a process that restarts is a new one and nothing runs backwards.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from statistics import mean
from typing import Any

from ray.serve.config import AutoscalingContext

from caption_studio.observability.work import (
    BYTES_SHARE,
    CPU_S,
    FINISHED,
    FULL,
    IN_FLIGHT,
    LOOP_CPU_S,
    PLACES,
    asked,
    done,
    wait_p95,
)
from caption_studio.scaling import load
from caption_studio.scaling.hearing import Hearing

KEPT_S = 10.0
"""As long as Serve keeps the reports of handles (RAY_SERVE_MIN_HANDLE_METRICS_TIMEOUT_S, 2.60)."""

INTERVALS = 3
"""Reports that may be late or lost before those of a process count no more."""


class Freshness:
    """Which processes' reports are fresh: their last value changed lately, by our own clock.

    The values carry the time of the clock of their node, which may be another.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[str, Hashable], tuple[float, float]] = {}

    def look(self, contexts: Iterable[AutoscalingContext], now_s: float) -> dict[str, set[Any]]:
        """Return the replicas that are heard of, by the name of their deployment."""
        before, self._seen = self._seen, {}
        heard: dict[str, set[Any]] = {}
        for context in contexts:
            name = context.deployment_name
            kept_s = KEPT_S
            if context.config is not None:
                kept_s = max(kept_s, INTERVALS * context.config.metrics_interval_s)
            heard[name] = set()
            for replica, points in _series(context, CPU_S).items():
                if len(points) < 2:
                    continue
                last_s = points[-1].timestamp
                seen = before.get((name, replica))
                if seen is None or seen[0] != last_s or now_s < seen[1]:
                    seen = (last_s, now_s)
                self._seen[name, replica] = seen
                if now_s - seen[1] <= kept_s:
                    heard[name].add(replica)
        return heard


@dataclass(frozen=True)
class Told:
    """What the gateways reported. A rate is None if no gateway has reported any.

    `heard` is the share of the running gateways whose reports are there; the rates are of those.
    """

    has_gateways: bool = True
    heard: float = 1.0
    cpus: float | None = None
    decoded_per_s: float | None = None
    pictures_per_s: float | None = None
    described_per_s: float | None = None
    captioned_per_s: float | None = None
    room: load.Room | None = None
    described_p95_s: float | None = None
    captioned_p95_s: float | None = None
    describing: float | None = None
    captioning: float | None = None

    @classmethod
    def by(cls, gateways: AutoscalingContext, heard: set[Any], hearing: Hearing) -> "Told":
        """Return what the gateways that are heard of told."""
        running = gateways.current_num_replicas
        if not running or not _series(gateways, CPU_S):
            return cls(has_gateways=running > 0)

        def rate(name: str) -> float | None:
            return _sum_per_s(gateways, name, heard)

        return cls(
            heard=hearing.share(len(heard)),
            cpus=rate(CPU_S),
            decoded_per_s=rate(done("intake")),
            pictures_per_s=rate(asked("intake")),
            described_per_s=rate(asked("describer")),
            captioned_per_s=rate(asked("captioner")),
            room=_room(gateways, heard),
            described_p95_s=_wait_s(gateways, wait_p95("describer"), heard),
            captioned_p95_s=_wait_s(gateways, wait_p95("captioner"), heard),
            describing=_under_way(gateways, "describer", heard),
            captioning=_under_way(gateways, "captioner", heard),
        )

    def wait_p95_s(self, name: str) -> float | None:
        """Return the 95th percentile of what callers of a stage waited; None if unknown."""
        if name == load.GATEWAY:
            return None
        return self.described_p95_s if name == load.DESCRIBER else self.captioned_p95_s

    def under_way(self, name: str) -> float | None:
        """Return the calls of a stage that are in progress, or wait for a replica."""
        return self.describing if name == load.DESCRIBER else self.captioning

    def asked_per_s(self, name: str) -> float | None:
        """Return what was asked of a deployment."""
        if name == load.GATEWAY:
            return self.pictures_per_s
        return self.described_per_s if name == load.DESCRIBER else self.captioned_per_s


def finished_per_s(stage: AutoscalingContext, heard: set[Any]) -> tuple[float | None, float]:
    """Return the requests/s that a stage's replicas finish, and the share that is heard of.

    Those that are not heard of are assumed to do what the others do. The rate is None if none is.
    """
    running = stage.current_num_replicas
    if not running or not heard:
        return None, 0.0
    per_s = _sum_per_s(stage, FINISHED, heard)
    share = min(1.0, len(heard) / running)
    return (None if per_s is None else per_s / share), share


def in_flight(stage: AutoscalingContext, heard: set[Any]) -> float | None:
    """Return what a stage's replicas have in progress; those not heard of are like the others."""
    running, means = stage.current_num_replicas, _means(stage, IN_FLIGHT, heard)
    return sum(means) * max(1.0, running / len(means)) if means and running else None


def _room(gateways: AutoscalingContext, heard: set[Any]) -> load.Room:
    def in_use(name: str) -> list[float]:
        return _means(gateways, name, heard)

    pending = [
        begun[-1].value - ended[-1].value
        for begun, ended in _begun_and_ended(gateways, "intake", heard)
    ]
    places, full = in_use(PLACES), in_use(FULL)
    return load.Room(
        loop_cpus=_sum_per_s(gateways, LOOP_CPU_S, heard) or 0.0,
        decoding=sum(pending),
        in_flight=sum(in_use(IN_FLIGHT)),
        places=mean(places) if places else 0.0,
        bytes_share=sum(in_use(BYTES_SHARE)),
        full_share=mean(full) if full else 0.0,
    )


def _under_way(gateways: AutoscalingContext, stage: str, heard: set[Any]) -> float | None:
    """Return the sum of the gateways' means of late; None if none tells both counters."""
    means = [
        mean(
            one.value - other.value
            for one, other in zip(reversed(begun), reversed(ended), strict=False)
        )
        for begun, ended in _begun_and_ended(gateways, stage, heard)
    ]
    return sum(means) if means else None


def _begun_and_ended(gateways: AutoscalingContext, stage: str, heard: set[Any]) -> list[Any]:
    """Return the points of both counters, of each gateway that reported both, the oldest first."""
    began, ended = _series(gateways, asked(stage)), _series(gateways, done(stage))
    return [(began[key], ended[key]) for key in heard if began.get(key) and ended.get(key)]


def _means(context: AutoscalingContext, name: str, heard: set[Any]) -> list[float]:
    series = _series(context, name)
    return [mean(point.value for point in series[key]) for key in heard if series.get(key)]


def _wait_s(gateways: AutoscalingContext, name: str, heard: set[Any]) -> float | None:
    """Return the gateways' mean, for each sees a random part of the calls; None without any."""
    waits_s = [
        points[-1].value
        for key, points in _series(gateways, name).items()
        if key in heard and points and points[-1].value > 0
    ]
    return mean(waits_s) if waits_s else None


def _series(context: AutoscalingContext, name: str) -> Mapping[Any, Any]:
    series: Mapping[Any, Any] = (context.raw_metrics or {}).get(name, {})
    return series


def _sum_per_s(context: AutoscalingContext, name: str, heard: set[Any]) -> float | None:
    rates = [
        (points[-1].value - points[0].value) / (points[-1].timestamp - points[0].timestamp)
        for key, points in _series(context, name).items()
        if key in heard and len(points) > 1 and points[-1].timestamp > points[0].timestamp
    ]
    return sum(rates) if rates else None
