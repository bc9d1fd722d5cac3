"""Every metric of the describer's and the captioner's replicas, named by Prometheus conventions.

Nothing is observed here while the models work: the engines keep plain counts, and these
collectors read them when somebody asks.
"""

from collections.abc import Callable, Iterable, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from caption_studio.records import CaptionerLoad, Counts, DescriberLoad


def describer_registry(load: Callable[[], DescriberLoad]) -> CollectorRegistry:
    """Return the metrics of one describer; `load` may be called from any thread."""
    return _registry(lambda: _describer(load()))


def captioner_registry(load: Callable[[], CaptionerLoad]) -> CollectorRegistry:
    """Return the metrics of one captioner; `load` may be called from any thread."""
    return _registry(lambda: _captioner(load()))


def _describer(load: DescriberLoad) -> Iterable[Metric]:
    yield GaugeMetricFamily(
        "caption_studio_describer_in_flight", "Pictures whose description is written.", load.rows
    )
    yield GaugeMetricFamily(
        "caption_studio_describer_waiting", "Pictures in the replica's queue.", load.waiting
    )
    yield _histogram("caption_studio_describer_step_rows", "Pictures in a decode step.", load.steps)
    yield _histogram(
        "caption_studio_describer_join_pictures",
        "Pictures in a pass of the image encoder.",
        load.joins,
    )


def _captioner(load: CaptionerLoad) -> Iterable[Metric]:
    yield GaugeMetricFamily(
        "caption_studio_captioner_in_flight", "Sequences in the engine's batch.", load.running
    )
    yield GaugeMetricFamily(
        "caption_studio_captioner_waiting", "Sequences in the engine's queue.", load.waiting
    )
    yield GaugeMetricFamily(
        "caption_studio_captioner_kv_cache_usage_ratio",
        "Share of the KV cache that is in use, 0 to 1.",
        load.kv_cache_ratio,
    )
    yield _histogram(
        "caption_studio_inter_token_latency_seconds",
        "Between two tokens of a stream, as they leave the engine.",
        load.token_gaps,
    )


def _histogram(name: str, documentation: str, counts: Counts) -> Metric:
    edges = [*(str(float(bound)) for bound in counts.bounds), "+Inf"]
    return HistogramMetricFamily(
        name, documentation, list(zip(edges, _cumulative(counts.counts), strict=True)), counts.total
    )


def _cumulative(counts: Sequence[int]) -> list[int]:
    sums, so_far = [], 0
    for count in counts:
        so_far += count
        sums.append(so_far)
    return sums


def _registry(collect: Callable[[], Iterable[Metric]]) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_Collector(collect))
    return registry


class _Collector:
    def __init__(self, collect: Callable[[], Iterable[Metric]]) -> None:
        self._collect = collect

    def collect(self) -> Iterable[Metric]:
        return self._collect()

    def describe(self) -> Iterable[Metric]:
        return ()  # else registering would collect once
