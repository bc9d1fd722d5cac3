"""Two gateways and two describers: equal pictures go to the same describer."""

import random
import time
from typing import Any

import httpx
import pytest
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from tests.contract.hostile import CHAT, chat, data_url
from tests.faults.conftest import Fleet, wait_until
from tests.faults.keys import HEADERS
from tests.unit.images.test_decode import encode

pytestmark = pytest.mark.service

OTHERS = 6
"""Pictures that let the gateways hear how busy each describer is."""
PICTURES = 12
TIMES = 4
LOOKUPS = "caption_studio_description_cache_lookups_total"
PATIENCE_S = 20.0


def test_a_picture_that_comes_again_is_not_described_again(fleet: Fleet) -> None:
    fleet.wait_until_whole(time.monotonic())
    source = random.Random("pictures that no other test sends")
    asked = [body(source) for _ in range(PICTURES)]
    with httpx.Client(base_url=fleet.url, headers=HEADERS, timeout=60) as http:
        send(http, [body(source) for _ in range(OTHERS)])
        before = lookups(http)
        for _ in range(TIMES):
            send(http, asked)
        wait_until(
            lambda: sum(lookups(http).values()) >= sum(before.values()) + PICTURES * TIMES,
            PATIENCE_S,
        )
        after = lookups(http)
    described = after["miss"] - before.get("miss", 0)
    assert PICTURES <= described < 1.5 * PICTURES  # by Serve's own router 1.9 times


def body(source: random.Random) -> dict[str, Any]:
    """Return a request about a picture of noise."""
    picture = Image.frombytes("RGB", (64, 64), source.randbytes(3 * 64**2))
    return {**chat(data_url(encode(picture))), "max_tokens": 4}


def send(http: httpx.Client, bodies: list[dict[str, Any]]) -> None:
    for one in bodies:
        assert http.post(CHAT, json=one).status_code == 200


def lookups(http: httpx.Client) -> dict[str, float]:
    """Return what the describers' caches said so far, as the gateways counted it."""
    said: dict[str, float] = {}
    for family in text_string_to_metric_families(http.get("/metrics").text):
        for sample in family.samples:
            if sample.name == LOOKUPS:
                result = sample.labels["result"]
                said[result] = said.get(result, 0.0) + sample.value
    return said
