"""Plain counts → a histogram as Prometheus wants it."""

from collections.abc import Sequence

from prometheus_client.core import HistogramMetricFamily, Metric

from caption_studio.records import Counts


def histogram(name: str, documentation: str, counts: Counts) -> Metric:
    """Return plain counts as a metric."""
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
