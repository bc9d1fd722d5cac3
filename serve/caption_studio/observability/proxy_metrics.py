"""The metric of the HAProxy in front of the gateways, which answers some requests itself."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, Metric


def proxy_registry(own_responses: Callable[[], Mapping[int, int]]) -> CollectorRegistry:
    """Return the metrics of one HAProxy; `own_responses` counts its answers by status."""
    registry = CollectorRegistry()
    registry.register(_OwnResponses(own_responses))
    return registry


class _OwnResponses:
    def __init__(self, read: Callable[[], Mapping[int, int]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily(
            "caption_studio_proxy_responses",
            "Answers that HAProxy gave itself, instead of a gateway.",
            labels=["status"],
        )
        for status, count in self._read().items():
            family.add_metric([str(status)], count)
        yield family
