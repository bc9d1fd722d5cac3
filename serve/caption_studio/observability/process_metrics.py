"""Metrics of every replica's process, whatever its stage."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, Metric

from caption_studio.observability.histograms import histogram
from caption_studio.observability.logging import lost_lines
from caption_studio.observability.loop_watch import LoopWatch


def add_process_metrics(registry: CollectorRegistry, watch: LoopWatch | None = None) -> None:
    """Add them to a replica's registry; those of the event loop if there is a watch on it."""
    registry.register(_Process(watch))


class _Process:
    def __init__(self, watch: LoopWatch | None) -> None:
        self._watch = watch

    def collect(self) -> Iterable[Metric]:
        yield CounterMetricFamily(
            "caption_studio_log_lines_lost",
            "Log lines that could not be written.",
            value=lost_lines(),
        )
        if self._watch is not None:
            yield histogram(
                "caption_studio_loop_callback_seconds",
                "Processor time for which callbacks kept the event loop from a timer that was due.",
                self._watch.read(),
            )

    def describe(self) -> Iterable[Metric]:
        return ()
