"""Several replicas' metrics as one text."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.parser import text_string_to_metric_families

from caption_studio.observability import exposition
from caption_studio.observability.exposition import ReplicaMetrics


def replica(name: str, *, answered: int) -> ReplicaMetrics:
    registry = CollectorRegistry()
    requests = Counter("requests_total", "Answered.", ("route",), registry=registry)
    requests.labels("/a").inc(answered)
    Histogram("wait_seconds", "Waited.", buckets=(1.0, 2.0), registry=registry).observe(1.5)
    return exposition.read(registry, deployment="Gateway", replica=name, at_s=1.0)


def samples(text: bytes) -> dict[tuple[str, str], float]:
    return {
        (sample.name, ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_each_replica_has_series_of_its_own_and_the_replicas_are_counted() -> None:
    read = samples(exposition.text([replica("a", answered=2), replica("b", answered=3)]))
    of_a = "deployment=Gateway,replica=a"
    assert read["requests_total", f"{of_a},route=/a"] == 2
    assert read["requests_total", "deployment=Gateway,replica=b,route=/a"] == 3
    assert read["wait_seconds_bucket", "deployment=Gateway,le=2.0,replica=b"] == 1
    assert read["wait_seconds_bucket", "deployment=Gateway,le=1.0,replica=b"] == 0
    assert read["wait_seconds_sum", of_a] == 1.5
    assert read["caption_studio_replicas", "deployment=Gateway"] == 2


def test_a_metric_is_described_once_whoever_has_it() -> None:
    text = exposition.text([replica("a", answered=1), replica("b", answered=1)]).decode()
    assert text.count("# HELP requests_total ") == 1
    assert text.count("# TYPE requests_total counter") == 1
    assert "_created" not in text


def test_it_survives_the_way() -> None:
    metrics = replica("a", answered=2)
    assert exposition.decode(exposition.encode(metrics)) == metrics


@pytest.mark.parametrize("data", [b"", b"x", exposition.zlib.compress(b"\x91\x01")])
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no metrics"):
        exposition.decode(data)
