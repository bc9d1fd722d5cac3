"""Every metric of the describer's and the captioner's replicas, named by Prometheus conventions.

Nothing is observed here while the models work: the engines keep plain counts, and these collectors
read them when metrics are collected.
"""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    GaugeMetricFamily,
    Metric,
)

from caption_studio.observability.histograms import histogram
from caption_studio.observability.loop_watch import LoopWatch
from caption_studio.observability.process_metrics import add_process_metrics
from caption_studio.records import CaptionerLoad, DescriberLoad


def describer_registry(load: Callable[[], DescriberLoad]) -> CollectorRegistry:
    """Return the metrics of one describer; `load` may be called from any thread."""
    registry = _registry(lambda: _describer(load()))
    add_process_metrics(registry)
    return registry


def captioner_registry(
    load: Callable[[], CaptionerLoad], loop_watch: LoopWatch | None = None
) -> CollectorRegistry:
    """Return the metrics of one captioner; `load` may be called from any thread."""
    registry = _registry(lambda: _captioner(load()))
    add_process_metrics(registry, loop_watch or LoopWatch())
    return registry


def _describer(load: DescriberLoad) -> Iterable[Metric]:
    yield GaugeMetricFamily(
        "caption_studio_describer_in_flight", "Pictures whose description is written.", load.rows
    )
    yield GaugeMetricFamily(
        "caption_studio_describer_waiting", "Pictures in the replica's queue.", load.waiting
    )
    yield histogram("caption_studio_describer_step_rows", "Pictures in a decode step.", load.steps)
    yield histogram(
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
        "caption_studio_captioner_batch_waiting",
        "Prompts of class batch that wait for a place, before the engine's queue.",
        load.batch_waiting,
    )
    yield GaugeMetricFamily(
        "caption_studio_captioner_kv_cache_usage_ratio",
        "Share of the KV cache that is in use, 0 to 1.",
        load.kv_cache_ratio,
    )
    yield histogram(
        "caption_studio_inter_token_latency_seconds",
        "Between two tokens of a stream, as they leave the engine.",
        load.token_gaps,
    )


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
