"""What a client may do to the connection, byte by byte."""

import time
from contextlib import ExitStack

import httpx
import pytest

from tests.conftest import ARGS, Service
from tests.contract.hostile import (
    CHAT,
    COMPLETIONS,
    JSON,
    URL_PARAM,
    Wire,
    captioned,
    chat,
    data_url,
    post_head,
    refused,
)
from tests.contract.test_metrics import wait_for
from tests.unit.images.test_fetch import PNG

pytestmark = [pytest.mark.service, pytest.mark.usefixtures("goes_on")]

MAX_BODY_BYTES = ARGS["gateway"]["max_body_bytes"]
UPLOAD_TIMEOUT_S = ARGS["gateway"]["upload_timeout_s"]
MAX_IN_FLIGHT = ARGS["gateway"]["max_in_flight"]
GOOD = chat(data_url(PNG))


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


# Paths and methods


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PATCH"])
@pytest.mark.parametrize(
    "path",
    [
        "/nope",
        "/v1",
        "/v1/",
        "/v1/nope",
        "//v1/models",
        "/v1/models/",
        "/v1/chat/completions/",
        "/v1/../healthz",
        "/v1/%2e%2e/healthz",
        "/v1/models/..%2f..%2fx",
        "/%00",
        "/%ff%fe",
        "/x" * 2000,
    ],
    ids=lambda path: path[:30],
)
def test_an_unknown_path(service: Service, path: str, method: str) -> None:
    with Wire(service.url) as wire:
        wire.send(f"{method} {path} HTTP/1.1\r\nhost: evil.example\r\n\r\n".encode())
        answer = wire.answer()
    answer.headers.pop("location", None)
    refused(answer, 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", CHAT),
        ("DELETE", COMPLETIONS),
        ("PUT", CHAT),
        ("POST", "/v1/models"),
        ("DELETE", "/v1/models/falcon-demo"),
        ("POST", "/healthz"),
        ("TRACE", "/metrics"),
        ("PATCH", "/openapi.json"),
    ],
)
def test_a_wrong_method(http: httpx.Client, method: str, path: str) -> None:
    answer = http.request(method, path)
    refused(answer, 405, "method_not_allowed")
    assert answer.headers["allow"]


@pytest.mark.parametrize(
    "path",
    ["/v1/models", "/v1/models/caption-demo", "/metrics", "/openapi.json", "/healthz", "/health"],
)
def test_head_is_get_without_the_body(service: Service, http: httpx.Client, path: str) -> None:
    with Wire(service.url) as wire:
        wire.send(f"HEAD {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n".encode())
        head, _, body = wire.rest().partition(b"\r\n\r\n")
    assert (head.split()[1], body) == (b"200", b"")
    names = {line.partition(b":")[0].lower().decode() for line in head.splitlines()[1:]}
    assert names - {"connection"} == http.get(path).headers.keys() - {"connection"}


def test_options_tell_the_methods(http: httpx.Client) -> None:
    answer = http.options(COMPLETIONS)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"] == "OPTIONS, POST"


@pytest.mark.parametrize("model", ["nope", "..", "../../x", "x" * 5000, "%00", "%", "\u202e"])
def test_an_unknown_model(http: httpx.Client, model: str) -> None:
    answer = http.get(httpx.URL(http.base_url, path=f"/v1/models/{model}"))
    if "/" in model or model == "..":
        assert answer.status_code == 404
    else:
        refused(answer, 404, "model_not_found", "model")


# Bodies


@pytest.mark.parametrize("path", [CHAT, COMPLETIONS])
@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "json",
        "a" * 5000,
    ],
    ids=lambda content_type: content_type[:30],
)
def test_another_content_type(http: httpx.Client, content_type: str, path: str) -> None:
    answer = http.post(path, content=b'{"prompt": "a"}', headers={"content-type": content_type})
    refused(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("charset", ["; charset=utf-8", ";", " ; a=b"])
def test_a_content_type_may_have_parameters(http: httpx.Client, charset: str) -> None:
    body = b'{"prompt": "a", "max_tokens": 1}'
    headers = {"content-type": f"Application/JSON{charset}"}
    assert http.post(COMPLETIONS, content=body, headers=headers).status_code == 200


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "zstd", "GZIP", "identity, gzip", "x"])
def test_a_compressed_body(http: httpx.Client, coding: str) -> None:
    bomb = b"\x1f\x8b\x08\0\0\0\0\0"
    answer = http.post(CHAT, content=bomb, headers={**JSON, "content-encoding": coding})
    refused(answer, 415, "unsupported_media_type")


def test_multipart_is_for_uploads_only(http: httpx.Client) -> None:
    answer = http.post(CHAT, files={"image": ("a.png", PNG, "image/png")})
    refused(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("boundary", "body"),
    [
        ("", b""),
        ("; boundary=b", b""),
        ("; boundary=b", b"no parts at all"),
        ("; boundary=b", b"--b\r\nbroken"),
        ("; boundary=b", b"--b\r\n\r\nno name\r\n--b--\r\n"),
        ("; boundary=b", b'--b\r\ncontent-disposition: form-data; name="n"\r\n\r\n1'),
        ("; boundary=" + "b" * 5000, b"--b"),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_multipart_that_cannot_be_taken_apart(
    http: httpx.Client, boundary: str, body: bytes
) -> None:
    headers = {"content-type": f"multipart/form-data{boundary}"}
    answer = http.post(COMPLETIONS, content=body, headers=headers)
    error = answer.json()["error"]
    refused(answer, 400, error["code"], error["param"])


@pytest.mark.parametrize("path", [CHAT, COMPLETIONS])
def test_a_body_over_the_cap_by_its_header(service: Service, path: str) -> None:
    with Wire(service.url) as wire:
        wire.send(post_head(f"content-length: {MAX_BODY_BYTES + 1}", path=path))
        refused(wire.answer(), 413, "request_too_large")


def test_a_body_over_the_cap_by_count(service: Service) -> None:
    with Wire(service.url) as wire:
        piece = chunked(b" " * 2**20)
        wire.send(post_head("transfer-encoding: chunked"), *[piece] * (MAX_BODY_BYTES >> 20))
        wire.send(chunked(b" "))
        refused(wire.answer(), 413, "request_too_large")


def test_a_body_without_an_end(service: Service) -> None:
    with Wire(service.url) as wire:
        wire.send(post_head("transfer-encoding: chunked"), *[chunked(b" " * 2**20)] * 64)
        refused(wire.answer(), 413, "request_too_large")


def test_an_upload_over_the_cap(http: httpx.Client) -> None:
    answer = http.post(COMPLETIONS, files={"image": ("a.png", bytes(MAX_BODY_BYTES), "image/png")})
    refused(answer, 413, "request_too_large")


def test_a_body_of_the_size_of_the_cap_is_the_largest(http: httpx.Client) -> None:
    body = b'{"prompt": "a", "max_tokens": 1}'.ljust(MAX_BODY_BYTES)
    assert http.post(COMPLETIONS, content=body, headers=JSON).status_code == 200
    refused(http.post(COMPLETIONS, content=body + b" ", headers=JSON), 413, "request_too_large")


@pytest.mark.parametrize(
    "pieces",
    [
        (post_head("content-length: 100"),),
        (post_head("content-length: 100"), b'{"mess'),
        (post_head("transfer-encoding: chunked"), chunked(b'{"mess')),
        (
            post_head(
                "content-length: 99",
                path=COMPLETIONS,
                content_type="multipart/form-data; boundary=x",
            ),
            b"--",
        ),
    ],
    ids=["nothing", "half", "half a chunked one", "half an upload"],
)
def test_an_upload_that_stops(service: Service, pieces: tuple[bytes, ...]) -> None:
    with Wire(service.url) as wire:
        started = time.monotonic()
        wire.send(*pieces)
        refused(wire.answer(), 408, "request_timeout")
        assert UPLOAD_TIMEOUT_S * 0.9 < time.monotonic() - started < UPLOAD_TIMEOUT_S + 5


def test_an_upload_that_drips(service: Service) -> None:
    with Wire(service.url, timeout_s=0.1) as wire:
        wire.send(post_head("content-length: 1000"))
        for _ in range(100):
            wire.send(b" ")
            try:
                answer = wire.answer()
                break
            except TimeoutError:
                continue
    refused(answer, 408, "request_timeout")


def test_a_full_service_refuses_at_once_and_recovers(service: Service, http: httpx.Client) -> None:
    with ExitStack() as wires:
        for _ in range(MAX_IN_FLIGHT):
            wires.enter_context(Wire(service.url)).send(post_head("content-length: 9"))
        started = time.monotonic()
        while (answer := http.post(CHAT, json={})).status_code == 400:
            # The last of them has not got in yet.
            assert time.monotonic() < started + UPLOAD_TIMEOUT_S
        refused(answer, 429, "overloaded")
        assert int(answer.headers["retry-after"]) >= 1
        assert http.get("/healthz").status_code == 200
    deadline = time.monotonic() + UPLOAD_TIMEOUT_S + 5
    while (answer := http.post(CHAT, json=GOOD)).status_code == 429:
        assert time.monotonic() < deadline
    captioned(answer)


# Broken HTTP: HAProxy's own answer, built in, for what is no request


NO_REQUEST = {
    "tls": b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(range(200)) + b"\r\n\r\n",
    "garbage": b"\0\xff garbage\r\n\r\n",
    "a negative length": post_head("content-length: -5"),
    "a length with a sign": post_head("content-length: +5"),
    "a length of 23 digits": post_head("content-length: " + "9" * 23),
    "two lengths": post_head("content-length: 1", "content-length: 2") + b"{}",
    "chunks of no size": post_head("transfer-encoding: chunked") + b"zz\r\n",
    "connect": b"CONNECT 10.0.0.1:80 HTTP/1.1\r\nhost: x\r\n\r\n",
    "a header of 200 KB": b"GET /healthz HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 200_000 + b"\r\n\r\n",
    "5,000 headers": b"GET /healthz HTTP/1.1\r\nhost: x\r\n" + b"x: a\r\n" * 5000 + b"\r\n",
    "a host that is none": b"GET /healthz HTTP/1.1\r\nhost: [::1\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
}


@pytest.mark.parametrize("name", NO_REQUEST)
def test_what_is_no_request_is_refused_and_the_connection_closed(
    service: Service, name: str
) -> None:
    with Wire(service.url) as wire:
        wire.send(NO_REQUEST[name])
        received = wire.rest()
    assert received.startswith(b"HTTP/1.1 400 ")
    assert received.count(b"HTTP/1.1 ") == 1
    assert received.rstrip().endswith(b"</html>")


def test_a_length_beside_chunks_smuggles_nothing(service: Service) -> None:
    with Wire(service.url) as wire:
        wire.send(
            post_head("content-length: 4", "transfer-encoding: chunked"),
            b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n",
        )
        received = wire.rest()
    assert received.startswith(b"HTTP/1.1 400 ")
    assert received.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "head",
    [b"FOO /healthz HTTP/1.1\r\nhost: x\r\n", b"GET /healthz HTTP/1.1\r\nx: \x7f\r\n"],
    ids=["an unknown method", "a control character"],
)
def test_what_only_the_gateways_own_parser_refuses(service: Service, head: bytes) -> None:
    with Wire(service.url) as wire:
        wire.send(head + b"\r\n")
        assert wire.answer().status_code == 400


def test_serves_own_list_of_routes_is_not_shown(http: httpx.Client) -> None:
    refused(http.get("/-/routes"), 404, "not_found")


ODD_REQUESTS = {
    "no host": b"",
    "an upgrade to http/2": b"host: x\r\nupgrade: h2c\r\nconnection: upgrade, http2-settings\r\n"
    b"http2-settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
    "forwarding": b"host: x\r\nx-forwarded-for: 127.0.0.1\r\nx-forwarded-host: evil\r\n"
    b"x-forwarded-proto: gopher\r\nx-original-url: /metrics\r\nx-http-method-override: DELETE\r\n",
}


@pytest.mark.parametrize("name", ODD_REQUESTS)
def test_what_is_odd_is_served(service: Service, name: str) -> None:
    with Wire(service.url) as wire:
        wire.send(b"GET /healthz HTTP/1.1\r\n" + ODD_REQUESTS[name] + b"\r\n")
        answer = wire.answer()
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_websocket_is_refused(service: Service) -> None:
    with Wire(service.url) as wire:
        wire.send(
            b"GET /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
            b"upgrade: websocket\r\nconnection: upgrade\r\n"
            b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
        )
        assert wire.answer().status_code in (403, 404)


# Leaving early


STREAM = b'{"prompt": "a", "stream": true, "max_tokens": 500}'
LEAVING = {
    "at once": (),
    "in the first line": (b"POST /v1/chat",),
    "in the head": (b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-",),
    "before the body": (post_head("content-length: 100"),),
    "in the body": (post_head("content-length: 100"), b'{"messages": ['),
    "in a chunk": (post_head("transfer-encoding: chunked"), b"ff\r\n{"),
    "before the answer": (post_head(f"content-length: {len(STREAM)}", path=COMPLETIONS), STREAM),
}


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("when", LEAVING)
def test_a_client_that_leaves_harms_nobody(service: Service, when: str, how: str) -> None:
    for _ in range(5):
        with Wire(service.url) as wire:
            wire.send(*LEAVING[when])
            if how == "reset":
                wire.reset()


def test_a_client_that_leaves_within_a_stream_frees_its_place(
    service: Service, http: httpx.Client
) -> None:
    for _ in range(5):
        with Wire(service.url) as wire:
            wire.send(post_head(f"content-length: {len(STREAM)}", path=COMPLETIONS), STREAM)
            assert wire.socket.recv(1000).startswith(b"HTTP/1.1 200 ")
            wire.reset()
    # The other side hears of it when it next looks.
    wait_for(http, {"caption_studio_requests_in_flight": 0.0})


def test_pipelined_requests_are_answered_in_their_order(service: Service) -> None:
    body = b'{"prompt": 5}'
    bad = post_head(f"content-length: {len(body)}", path=COMPLETIONS) + body
    with Wire(service.url) as wire:
        wire.send(bad * 3 + b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        statuses = [int(part[:3]) for part in wire.rest().split(b"HTTP/1.1 ")[1:]]
    assert statuses == [400, 400, 400, 200]


# Headers that steer Serve


@pytest.mark.parametrize(
    "headers",
    [
        {"x-request-timeout-seconds": "0.000001"},
        {"x-request-timeout-seconds": "-1"},
        {"x-request-timeout-seconds": "nan"},
        {"x-request-disconnect-disabled": "?1"},
        {"serve_multiplexed_model_id": "../../x"},
        {"serve-multiplexed-model-id": "caption-demo-plain"},
        {"x-session-id": "x" * 5000},
        {"traceparent": "00-00000000000000000000000000000000-0000000000000000-00"},
        {"openai-organization": "x", "openai-beta": "y"},
    ],
    ids=str,
)
def test_headers_that_steer_serve_have_no_effect(
    http: httpx.Client, headers: dict[str, str]
) -> None:
    answer = http.post(CHAT, json=GOOD, headers=headers)
    captioned(answer)
    assert answer.json()["model"] == "caption-demo"


@pytest.mark.parametrize(
    "id_",
    [b"a b", b"x" * 65, b"", "ü".encode(), b"<script>", b"a\tb", b"../../x", b"a,b", b"{{1}}"],
    ids=lambda id_: ascii(id_)[:20],
)
def test_an_ugly_request_id_is_replaced_and_the_answer_has_one(
    service: Service, id_: bytes
) -> None:
    with Wire(service.url) as wire:
        wire.send(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-request-id: " + id_ + b"\r\n\r\n")
        (given,) = wire.answer().headers.get_list("x-request-id")
    assert given.encode() != id_
    assert given.replace("-", "").isalnum()


@pytest.mark.parametrize("path", ["/healthz", "/v1/models", "/nope", "/metrics"])
def test_a_plain_request_id_comes_back_once(http: httpx.Client, path: str) -> None:
    answer = http.get(path, headers={"x-request-id": "plain-1.A_b"})
    assert answer.headers.get_list("x-request-id") == ["plain-1.A_b"]


def test_of_two_request_ids_one_comes_back(service: Service) -> None:
    with Wire(service.url) as wire:
        wire.send(b"GET /healthz HTTP/1.1\r\nx-request-id: a\r\nx-request-id: b\r\n\r\n")
        (given,) = wire.answer().headers.get_list("x-request-id")
    assert given in ("a", "b")


def test_a_refusal_keeps_the_callers_request_id(http: httpx.Client) -> None:
    answer = http.post(CHAT, json=chat("ftp://x/"), headers={"x-request-id": "mine"})
    refused(answer, 400, "invalid_image_url", URL_PARAM)
    assert answer.headers["x-request-id"] == "mine"
