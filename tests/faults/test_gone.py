"""Callers that go away without a word, and callers that read slowly."""

import json
import random
import socket
import struct
from urllib.parse import urlsplit

import httpx
import pytest

from tests.contract.test_metrics import samples, wait_for
from tests.faults.conftest import Fleet
from tests.faults.keys import HEADERS
from tests.faults.load import EOS_BIAS, load

pytestmark = pytest.mark.service

CALLERS = 12
CANCELLED = "caption_studio_requests_cancelled_total"
RESET = struct.pack("ii", 1, 0)
NOTHING_UNDER_WAY = {
    "caption_studio_requests_in_flight": 0.0,
    "caption_studio_stage_in_flight": 0.0,
    "caption_studio_captioner_in_flight": 0.0,
    "caption_studio_captioner_waiting": 0.0,
    "caption_studio_captioner_batch_waiting": 0.0,
}


@pytest.mark.parametrize("stream", [False, True])
def test_who_resets_the_connection_is_not_written_for_any_more(fleet: Fleet, stream: bool) -> None:
    before = _cancelled(fleet)
    callers = [_asking(fleet.url, stream=stream) for _ in range(CALLERS)]
    with httpx.Client(base_url=fleet.url, headers=HEADERS) as http:
        wait_for(http, {"caption_studio_requests_in_flight": float(CALLERS)})
        for caller in callers:
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            caller.close()
        wait_for(http, NOTHING_UNDER_WAY | {CANCELLED: before + CALLERS})


def test_who_reads_nothing_keeps_nobody_waiting(fleet: Fleet) -> None:
    callers = [_asking(fleet.url, stream=True) for _ in range(CALLERS)]
    with load(fleet.url, max_tokens=20) as seen:
        seen.wait_for(60)
    assert seen.failures() == []
    for caller in callers:
        caller.close()
    with httpx.Client(base_url=fleet.url, headers=HEADERS) as http:
        wait_for(http, NOTHING_UNDER_WAY)


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
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((address.hostname, address.port))
    head = (
        f"POST /v1/completions HTTP/1.1\r\nhost: {address.netloc}\r\n"
        f"authorization: {HEADERS['authorization']}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    connection.sendall(head.encode() + content)
    return connection


def _cancelled(fleet: Fleet) -> float:
    with httpx.Client(base_url=fleet.url, headers=HEADERS) as http:
        return samples(http).get(CANCELLED, 0.0)
