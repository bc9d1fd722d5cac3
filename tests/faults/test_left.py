"""Callers that go away without a word, and adapters that come and go under load."""

import json
import random
import socket
import struct
import time
from urllib.parse import urlsplit

import httpx
import pytest

from tests.conftest import ADMIN_KEY
from tests.contract.test_metrics import samples, wait_for
from tests.faults.conftest import Fleet
from tests.faults.load import EOS_BIAS, TEXT, load

pytestmark = pytest.mark.service

ADAPTERS = "/v1/admin/adapters"
RESET = struct.pack("ii", 1, 0)
NOTHING_UNDER_WAY = {
    "caption_studio_requests_in_flight": 0.0,
    "caption_studio_stage_in_flight": 0.0,
    "caption_studio_captioner_in_flight": 0.0,
    "caption_studio_captioner_waiting": 0.0,
}


@pytest.mark.parametrize("stream", [False, True])
def test_who_resets_the_connection_is_not_written_for_any_more(fleet: Fleet, stream: bool) -> None:
    before = _cancelled(fleet)
    callers = [_asking(fleet.url, stream=stream) for _ in range(12)]
    time.sleep(1.0)
    with httpx.Client(base_url=fleet.url) as http:
        assert _gauge(http) > 0
        for caller in callers:
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            caller.close()
        wait_for(http, NOTHING_UNDER_WAY)
    assert _cancelled(fleet) - before == len(callers)


def test_adapters_come_and_go_under_load(fleet: Fleet, table: list[tuple[str, ...]]) -> None:
    headers = {"authorization": f"Bearer {ADMIN_KEY}"}
    with httpx.Client(base_url=fleet.url, timeout=60, headers=headers) as admin:
        with load(fleet.url) as seen:
            for _ in range(3):
                seen.wait_for(20)
                added = admin.post(
                    ADAPTERS, json={"id": "late", "source": "embedded:caption-demo-plain"}
                )
                assert added.status_code == 201, added.text
                answers = {_answer(admin, "late") for _ in range(8)}  # of both replicas
                assert answers == {_answer(admin, "caption-demo-plain")}
                assert admin.delete(f"{ADAPTERS}/late").status_code == 200
                seen.wait_for(20)
    ends = seen.ends()
    counts = [str(ends[end]) for end in ("whole", "told", "lost", "refused")]
    table.append(("adapters changed", str(len(seen.asked)), *counts, "-"))
    assert set(ends) == {"whole"}
    assert seen.ends(TEXT)["whole"] > 0


def _asking(url: str, *, stream: bool) -> socket.socket:
    """Return a connection over which eight long answers have been asked for."""
    body = {
        "model": "falcon-demo",
        "prompt": f"A {random.random()}",
        "max_tokens": 900,
        "n": 8,
        "logit_bias": EOS_BIAS,
        "stream": stream,
    }
    content = json.dumps(body).encode()
    address = urlsplit(url)
    connection = socket.create_connection((address.hostname, address.port))
    head = (
        f"POST /v1/completions HTTP/1.1\r\nhost: {address.netloc}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    connection.sendall(head.encode() + content)
    return connection


def _gauge(http: httpx.Client) -> float:
    return samples(http)["caption_studio_requests_in_flight"]


def _cancelled(fleet: Fleet) -> float:
    with httpx.Client(base_url=fleet.url) as http:
        return samples(http).get("caption_studio_requests_cancelled_total", 0.0)


def _answer(http: httpx.Client, model: str) -> str:
    body = {"model": model, "prompt": "A red boat", "max_tokens": 12, "temperature": 0}
    response = http.post("/v1/completions", json=body)
    assert response.status_code == 200, response.text
    return str(response.json()["choices"][0]["text"])
