"""Two gateways and two describers: a picture that comes again is not described again."""

import random
import time

import httpx
import pytest
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from tests.contract.hostile import CHAT, chat, data_url
from tests.faults.conftest import Fleet, wait_until
from tests.unit.images.test_decode import encode

pytestmark = pytest.mark.service

PICTURES = 8
TIMES = 4
LOOKUPS = "caption_studio_description_cache_lookups_total"
PATIENCE_S = 20.0


def test_equal_pictures_are_described_once(fleet: Fleet) -> None:
    fleet.wait_until_whole(time.monotonic())
    source = random.Random("pictures that no other test sends")
    asked = [
        chat(data_url(encode(Image.frombytes("RGB", (64, 64), source.randbytes(3 * 64**2)))))
        for _ in range(PICTURES)
    ]
    with httpx.Client(base_url=fleet.url, timeout=60) as http:
        before = lookups(http)
        for _ in range(TIMES):
            for body in asked:
                assert http.post(CHAT, json={**body, "max_tokens": 4}).status_code == 200
        wait_until(
            lambda: sum(lookups(http).values()) == sum(before.values()) + PICTURES * TIMES,
            PATIENCE_S,
        )
        after = lookups(http)
    assert after["miss"] - before.get("miss", 0) == PICTURES


def lookups(http: httpx.Client) -> dict[str, float]:
    """Return what the describers' caches said so far, as the gateways counted it."""
    said: dict[str, float] = {}
    for family in text_string_to_metric_families(http.get("/metrics").text):
        for sample in family.samples:
            if sample.name == LOOKUPS:
                result = sample.labels["result"]
                said[result] = said.get(result, 0.0) + sample.value
    return said
