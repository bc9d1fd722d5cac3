"""What clients do beside the request itself: headers, framing, URLs joined in their own way."""

import gzip
import json
from typing import Any

import httpx
import pytest

from tests.conftest import Service
from tests.contract.hostile import CHAT, JSON, Wire, post_head, refused

pytestmark = pytest.mark.service

ASKED: dict[str, Any] = {"messages": [{"role": "user", "content": "A dog"}], "max_tokens": 3}
BODY = json.dumps(ASKED).encode()
LENGTH = f"content-length: {len(BODY)}"


def answered(answer: httpx.Response) -> None:
    assert answer.status_code == 200, answer.text
    assert answer.json()["usage"]["completion_tokens"] > 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer whatever", "api-key": "whatever", "x-api-key": "whatever"},
        {
            "OpenAI-Organization": "org-a",
            "OpenAI-Project": "proj_a",
            "OpenAI-Beta": "assistants=v2",
            "X-Stainless-Lang": "python",
            "X-Stainless-Retry-Count": "2",
            "X-Stainless-Read-Timeout": "600",
            "Idempotency-Key": "stainless-python-retry-1",
            "HTTP-Referer": "https://app.example",
            "X-Title": "An app",
        },
        {"Accept": "text/event-stream", "Accept-Encoding": "gzip, deflate, br, zstd"},
        {"CONTENT-TYPE": "Application/JSON; Charset=UTF-8", "Content-Encoding": "identity"},
    ],
    ids=["keys", "official clients", "accept", "spelling"],
)
def test_headers_that_clients_add_change_nothing(
    http: httpx.Client, headers: dict[str, str]
) -> None:
    answered(http.post(CHAT, content=BODY, headers=httpx.Headers({**JSON, **headers})))


def test_a_client_that_waits_to_be_told_to_go_on(service: Service) -> None:
    with Wire(service.url) as wire:
        wire.send(post_head(LENGTH, "expect: 100-continue"))
        assert wire.socket.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.send(BODY)
        answered(wire.answer())


def test_http_1_0_gets_a_whole_answer_and_the_end_of_the_connection(service: Service) -> None:
    with Wire(service.url) as wire:
        wire.send(post_head(LENGTH).replace(b"HTTP/1.1", b"HTTP/1.0"), BODY)
        start, _, body = wire.rest().partition(b"\r\n\r\n")
    assert start.split()[1] == b"200"
    assert json.loads(body)["usage"]["completion_tokens"] > 0


def test_a_body_in_chunks(http: httpx.Client) -> None:
    answered(http.post(CHAT, content=iter([BODY[:20], BODY[20:]]), headers=JSON))


def test_a_compressed_body_is_told_to_come_uncompressed(http: httpx.Client) -> None:
    headers = {**JSON, "Content-Encoding": "gzip"}
    answer = http.post(CHAT, content=gzip.compress(BODY), headers=headers)
    assert "uncompressed" in refused(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("path", [f"{CHAT}/", f"/{CHAT}", "/v1//chat/completions"])
def test_a_slash_too_many_is_answered_with_the_path_that_was_meant(
    service: Service, path: str
) -> None:
    answer = httpx.post(f"{service.url}{path}", json=ASKED)
    assert refused(answer, 404, "not_found").endswith(f"Did you mean {CHAT}?")


def test_a_stream_ends_with_its_usage_and_no_choice(http: httpx.Client) -> None:
    asked = {**ASKED, "stream": True, "stream_options": {"include_usage": True}}
    text = http.post(CHAT, json=asked).text
    *chunks, usage, done = (line.removeprefix("data: ") for line in text.split("\n\n") if line)
    assert done == "[DONE]"
    assert all(json.loads(chunk)["usage"] is None for chunk in chunks)
    assert json.loads(usage)["choices"] == []
    assert json.loads(usage)["usage"]["completion_tokens"] > 0
