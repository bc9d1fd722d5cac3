"""The metrics of every replica → one text in Prometheus format.

A replica's metrics travel as one small record, with their names and descriptions, so that
replicas of two versions can be shown side by side. Each sample gets two labels more: the
deployment and the replica that it is of.
"""

import zlib
from collections.abc import Iterable, Sequence

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

PROXY = "HAProxy"
"""The `deployment` of HAProxy's metrics; HAProxy is not counted as a replica."""


class Family(msgspec.Struct, array_like=True, frozen=True):
    """One metric: `samples` are (name, labels, value)."""

    name: str
    documentation: str
    type: str
    samples: tuple[tuple[str, dict[str, str], float], ...]


class ReplicaMetrics(msgspec.Struct, array_like=True, frozen=True):
    """All metrics of one replica at Unix time `at_s`."""

    deployment: str
    replica: str
    at_s: float
    families: tuple[Family, ...]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(ReplicaMetrics)


def read(
    registry: CollectorRegistry, *, deployment: str, replica: str, at_s: float
) -> ReplicaMetrics:
    """Return the registry's current metrics."""
    families = tuple(
        Family(
            metric.name,
            metric.documentation,
            metric.type,
            # The start times of series are of no use, and half of all samples.
            tuple(
                (sample.name, dict(sample.labels), float(sample.value))
                for sample in metric.samples
                if not sample.name.endswith("_created")
            ),
        )
        for metric in registry.collect()
    )
    return ReplicaMetrics(deployment, replica, at_s, families)


def encode(metrics: ReplicaMetrics) -> bytes:
    """Return the record as bytes."""
    return zlib.compress(_encoder.encode(metrics), 1)


def decode(data: bytes) -> ReplicaMetrics:
    """Return the record. Raises `ValueError` if it is malformed or of another version."""
    try:
        return _decoder.decode(zlib.decompress(data))
    except (zlib.error, msgspec.MsgspecError) as error:
        raise ValueError("no metrics of a replica") from error


def text(replicas: Sequence[ReplicaMetrics]) -> bytes:
    """Return the metrics of all in Prometheus text format, with the number of replicas."""
    return generate_latest(_Merged(replicas))


class _Merged:
    def __init__(self, replicas: Sequence[ReplicaMetrics]) -> None:
        self._replicas = replicas

    def collect(self) -> Iterable[Metric]:
        merged: dict[str, Metric] = {}
        seen = GaugeMetricFamily(
            "caption_studio_replicas", "Replicas whose metrics are shown.", labels=["deployment"]
        )
        counts: dict[str, int] = {}
        for one in self._replicas:
            if one.deployment != PROXY:
                counts[one.deployment] = counts.get(one.deployment, 0) + 1
            of = {"deployment": one.deployment, "replica": one.replica}
            for family in one.families:
                metric = merged.get(family.name)
                if metric is None:
                    metric = Metric(family.name, family.documentation, family.type)
                    merged[family.name] = metric
                for name, labels, value in family.samples:
                    metric.add_sample(name, {**labels, **of}, value)
        for deployment, count in sorted(counts.items()):
            seen.add_metric([deployment], count)
        return [seen, *merged.values()]
