"""What the engines count, as Prometheus sees it."""

from prometheus_client import generate_latest

from caption_studio.counts import POWERS_OF_TWO, Counter
from caption_studio.observability.stage_metrics import captioner_registry, describer_registry
from caption_studio.records import CaptionerLoad, DescriberLoad


def counted(bounds: tuple[float, ...], *values: float) -> Counter:
    counter = Counter(bounds)
    for value in values:
        counter.add(value)
    return counter


def test_a_describers_load() -> None:
    steps, joins = counted(POWERS_OF_TWO, 3, 4, 600), counted(POWERS_OF_TWO, 1)
    load = DescriberLoad(rows=3, waiting=2, steps=steps.read(), joins=joins.read())
    text = generate_latest(describer_registry(lambda: load)).decode()
    assert "caption_studio_describer_in_flight 3.0" in text
    assert "caption_studio_describer_waiting 2.0" in text
    assert 'caption_studio_describer_step_rows_bucket{le="2.0"} 0.0' in text
    assert 'caption_studio_describer_step_rows_bucket{le="4.0"} 2.0' in text
    assert 'caption_studio_describer_step_rows_bucket{le="512.0"} 2.0' in text
    assert 'caption_studio_describer_step_rows_bucket{le="+Inf"} 3.0' in text
    assert "caption_studio_describer_step_rows_sum 607.0" in text
    assert "caption_studio_describer_join_pictures_count 1.0" in text


def test_a_captioners_load_is_read_when_it_is_asked_for() -> None:
    gaps = counted((0.01, 0.1), 0.01, 0.2).read()
    load = CaptionerLoad(1, 2, 3, 0.25, gaps)
    registry = captioner_registry(lambda: load)
    assert "caption_studio_captioner_waiting 2.0" in generate_latest(registry).decode()
    load = CaptionerLoad(0, 0, 3, 0.5, gaps)
    text = generate_latest(registry).decode()
    for line in (
        "caption_studio_captioner_in_flight 0.0",
        "caption_studio_captioner_waiting 0.0",
        "caption_studio_captioner_batch_waiting 3.0",
        "caption_studio_captioner_kv_cache_usage_ratio 0.5",
        'caption_studio_inter_token_latency_seconds_bucket{le="0.01"} 1.0',
        'caption_studio_inter_token_latency_seconds_bucket{le="+Inf"} 2.0',
    ):
        assert line in text
