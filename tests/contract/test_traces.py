"""The service is told of a collector: one trace from three processes."""

import time

import httpx
import pytest

from tests.contract.collector import Collector
from tests.contract.hostile import CHAT, chat, data_url
from tests.pictures import held_out

pytestmark = pytest.mark.service

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
EXPORT_S = 20.0
"""The exporter sends every five seconds."""


def test_a_request_is_one_trace_of_its_caller_in_all_three_processes(
    http: httpx.Client, collector: Collector
) -> None:
    picture = next(held_out(1))
    headers = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
    for stream in (False, True):
        body = {**chat(data_url(picture.encoded())), "stream": stream}
        answer = http.post(CHAT, json=body, headers=headers)
        assert answer.status_code == 200
    deadline = time.monotonic() + EXPORT_S
    while len(spans := collector.of(TRACE)) < 6 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert sorted((service, name) for service, name, _ in spans) == [
        ("caption-studio-captioner", "caption"),
        ("caption-studio-captioner", "caption"),
        ("caption-studio-describer", "describe"),
        ("caption-studio-describer", "describe"),
        ("caption-studio-gateway", "POST"),
        ("caption-studio-gateway", "POST"),
    ]
    assert [parent for _, name, parent in spans if name == "POST"] == [CALLER] * 2
    assert picture.scene.description.encode() not in collector.bodies
