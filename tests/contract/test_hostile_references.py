"""URLs that are refused before anything is asked, and bad data URLs, over HTTP."""

import json

import httpx
import pytest
from PIL import Image

from tests.conftest import ARGS
from tests.contract.hostile import (
    CHAT,
    COMPLETIONS,
    JSON,
    URL_PARAM,
    captioned,
    chat,
    data_url,
    refused,
)
from tests.contract.internet import StandIn
from tests.contract.test_hostile_fetches import POLICY
from tests.unit.images.test_data_url import BAD_BASE64, NOT_AN_IMAGE_IN_BASE64
from tests.unit.images.test_decode import encode
from tests.unit.images.test_url_guard import REFUSED_URLS

pytestmark = [pytest.mark.service, pytest.mark.usefixtures("goes_on")]

MAX_BYTES = ARGS["images"]["max_bytes"]
PNG = encode(Image.new("RGB", (8, 8), "red"))

FORBIDDEN_HOSTS = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.192",
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::7f00:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:8.8.8.8]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2001::1]",
    "[2001:db8::1]",
    "[2002:7f00:1::]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
]


def ask(http: httpx.Client, url: str) -> httpx.Response:
    # Not httpx's JSON: it leaves a lone surrogate as it is, and then cannot encode it.
    return http.post(CHAT, content=json.dumps(chat(url)), headers=JSON)


@pytest.mark.parametrize("url", REFUSED_URLS, ids=lambda url: ascii(url)[:60])
def test_a_refused_url_is_answered_alike_and_asks_nobody(
    http: httpx.Client, internet: StandIn, url: str
) -> None:
    answer = ask(http, url)
    if "\ud800" in url:
        refused(answer, 400, None)  # JSON holds no lone surrogates
    else:
        assert refused(answer, 400, "invalid_image_url", URL_PARAM) == POLICY
    assert (internet.asked, internet.connected) == ([], [])


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", FORBIDDEN_HOSTS)
def test_a_forbidden_address_is_answered_alike_and_asks_nobody(
    http: httpx.Client, internet: StandIn, host: str, scheme: str
) -> None:
    answer = ask(http, f"{scheme}://{host}/")
    assert refused(answer, 400, "invalid_image_url", URL_PARAM) == POLICY
    assert (internet.asked, internet.connected) == ([], [])


def test_the_image_of_a_completion_is_judged_alike(http: httpx.Client, internet: StandIn) -> None:
    answer = http.post(COMPLETIONS, json={"image": "http://169.254.169.254/", "max_tokens": 1})
    assert refused(answer, 400, "invalid_image_url", "image") == POLICY
    assert (internet.asked, internet.connected) == ([], [])


def test_a_refused_url_ends_a_stream_before_it_begins(
    http: httpx.Client, internet: StandIn
) -> None:
    answer = http.post(CHAT, json=chat("http://10.0.0.1/", stream=True))
    assert refused(answer, 400, "invalid_image_url", URL_PARAM) == POLICY


# Data URLs


@pytest.mark.parametrize(
    "head", ["data:image/png;base64", "DATA:IMAGE/PNG;BASE64", "data:image/x-odd;a=b;base64"]
)
def test_a_data_url_is_read_in_any_case_and_with_parameters(http: httpx.Client, head: str) -> None:
    captioned(ask(http, data_url(PNG).replace("data:image/png;base64", head)))


@pytest.mark.parametrize(
    "payload",
    [
        *BAD_BASE64,
        "YWJ\0",
        "%%%",
        "A" * 2_000_001,
        "QUFB" * 500_000 + "*",
    ],
    ids=lambda payload: ascii(payload)[:20],
)
def test_bad_base64_is_an_invalid_value(http: httpx.Client, payload: str) -> None:
    answer = ask(http, f"data:image/png;base64,{payload}")
    refused(answer, 400, "invalid_value", URL_PARAM)


@pytest.mark.parametrize(
    "url",
    NOT_AN_IMAGE_IN_BASE64,
    ids=lambda url: url[:40],
)
def test_other_forms_and_media_types_are_an_invalid_image_url(http: httpx.Client, url: str) -> None:
    refused(ask(http, url), 400, "invalid_image_url", URL_PARAM)


def test_a_picture_of_the_size_of_the_cap_is_the_largest(http: httpx.Client) -> None:
    largest = PNG.ljust(MAX_BYTES, b"\0")
    captioned(ask(http, data_url(largest)))
    for over in (b"\0", b"\0" * 100_000):
        message = refused(ask(http, data_url(largest + over)), 400, "image_too_large", URL_PARAM)
        assert str(MAX_BYTES) in message


def test_the_cap_is_checked_before_the_base64(http: httpx.Client) -> None:
    url = "data:image/png;base64," + "!" * (MAX_BYTES * 4 // 3 + 100)
    refused(ask(http, url), 400, "image_too_large", URL_PARAM)
