"""What Prometheus gets of a service with all its processes."""

import random
import time

import httpx
import pytest
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import Service
from tests.contract.hostile import CHAT, COMPLETIONS, chat, data_url
from tests.operators_files import expressions
from tests.promql import metric_names
from tests.unit.images.test_decode import encode

pytestmark = pytest.mark.service

PATIENCE_S = 20.0
ON_AND_ON = {"prompt": "a", "stream": True, "max_tokens": 900, "logit_bias": {"0": -100}}
"""Token 0 is the one with which falcon-demo would end."""


def samples(http: httpx.Client) -> dict[str, float]:
    """The values now, summed over replicas and labels."""
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(http.get("/metrics").text):
        for sample in family.samples:
            if not sample.name.endswith("_bucket"):
                sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    return sums


def wait_for(http: httpx.Client, wanted: dict[str, float]) -> None:
    """Wait until these metrics have these values; the stages publish theirs once a second."""
    deadline = time.monotonic() + PATIENCE_S
    while (seen := {name: samples(http).get(name) for name in wanted}) != wanted:
        assert time.monotonic() < deadline, f"{seen} instead of {wanted}"
        time.sleep(0.2)


def test_one_address_shows_gateway_describer_and_captioner(http: httpx.Client) -> None:
    wait_for(http, {"caption_studio_replicas": 3.0})


def test_a_stream_is_seen_in_every_stage(http: httpx.Client) -> None:
    before = samples(http)
    never_seen = Image.frombytes("RGB", (64, 64), random.Random(9).randbytes(64 * 64 * 3))
    body = {**chat(data_url(encode(never_seen))), "stream": True}
    assert http.post(CHAT, json=body).status_code == 200
    assert http.post(COMPLETIONS, json={**ON_AND_ON, "max_tokens": 20}).status_code == 200
    for name in (
        "caption_studio_describer_join_pictures_count",
        "caption_studio_describer_step_rows_count",
        "caption_studio_inter_token_latency_seconds_count",
        "caption_studio_time_to_first_token_seconds_count",
        "caption_studio_tokens_total",
    ):
        deadline = time.monotonic() + PATIENCE_S
        while samples(http).get(name, 0.0) <= before.get(name, 0.0):
            assert time.monotonic() < deadline, name
            time.sleep(0.2)


def test_what_is_under_way_shows_and_is_gone_with_its_client(
    service: Service, http: httpx.Client
) -> None:
    with (
        httpx.Client(base_url=service.url, timeout=60) as other,
        other.stream("POST", COMPLETIONS, json={**ON_AND_ON, "n": 8}) as answer,
    ):
        lines = answer.iter_lines()  # closes the answer when it goes
        next(lines)
        wait_for(http, {"caption_studio_captioner_in_flight": 8.0})
        assert samples(http)["caption_studio_captioner_kv_cache_usage_ratio"] > 0
    gauges = [name for name in samples(http) if name.endswith(("_in_flight", "_waiting"))]
    assert len(gauges) == 7
    wait_for(http, {name: 0.0 for name in gauges})
    wait_for(http, {"caption_studio_captioner_kv_cache_usage_ratio": 0.0})
    assert samples(http)["caption_studio_requests_cancelled_total"] >= 1


def test_dashboard_and_alerts_use_only_what_is_exported(http: httpx.Client) -> None:
    assert http.post(CHAT, json={"messages": []}).status_code == 400
    picture = data_url(encode(Image.new("RGB", (64, 64), "navy")))
    assert http.post(CHAT, json={**chat(picture), "stream": True}).status_code == 200
    with http.stream("POST", COMPLETIONS, json=ON_AND_ON) as left:
        next(left.iter_lines())
    deadline = time.monotonic() + PATIENCE_S
    exported: set[str] = set()
    wanted = {
        where: {name for name in metric_names(expression) if name.startswith("caption_studio_")}
        for where, expression in expressions().items()
    }
    while not set().union(*wanted.values()) <= exported and time.monotonic() < deadline:
        page = text_string_to_metric_families(http.get("/metrics").text)
        exported = {sample.name for family in page for sample in family.samples}
        time.sleep(0.2)
    missing = {where: names - exported for where, names in wanted.items() if names - exported}
    assert missing == {}
