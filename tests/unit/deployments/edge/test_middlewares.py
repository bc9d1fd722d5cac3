import json
from typing import Any

import pytest

from caption_studio.deployments.edge.middlewares import (
    STEERING,
    CleanHeaders,
    OwnErrors,
    middlewares,
)

pytestmark = pytest.mark.anyio


async def passed_on(*headers: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    scope = {"type": "http", "headers": list(headers)}
    await CleanHeaders(app)(scope, None, None)  # type: ignore[arg-type]
    return list(seen[0]["headers"])


async def test_headers_that_steer_serve_are_dropped_and_others_kept() -> None:
    kept = (b"content-type", b"application/json")
    assert await passed_on(kept, *((name, b"1") for name in STEERING)) == [kept]


@pytest.mark.parametrize(
    ("value", "kept"), [(b"abc-1", True), (b"a b", False), (b"x" * 65, False), (b"", False)]
)
async def test_a_request_id_passes_if_it_is_short_and_plain(value: bytes, kept: bool) -> None:
    header = (b"x-request-id", value)
    assert await passed_on(header) == ([header] if kept else [])


async def answered(status: int, content_type: bytes, *bodies: bytes) -> tuple[Any, bytes]:
    async def serve(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", content_type), (b"x-request-id", b"1")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for body in bodies:
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await OwnErrors(serve)({"type": "http"}, None, send)  # type: ignore[arg-type]
    return sent[0], b"".join(message["body"] for message in sent[1:])


@pytest.mark.parametrize(
    ("status", "becomes", "code"),
    [
        (404, 503, "not_ready"),
        (503, 503, "not_ready"),
        (429, 429, "overloaded"),
        (408, 504, "deadline_exceeded"),
        (500, 500, "internal_error"),
    ],
)
async def test_serves_own_errors_get_our_form(status: int, becomes: int, code: str) -> None:
    start, body = await answered(status, b"text/plain", b"Path '/' not", b" found")
    assert start["status"] == becomes
    error = json.loads(body)["error"]
    assert (error["code"], error["type"]) == (code, "server_error")
    if becomes in (429, 503):
        assert dict(start["headers"])[b"retry-after"] == b"1"


@pytest.mark.parametrize(
    ("status", "content_type"),
    [(404, b"application/json"), (200, b"text/plain; version=0.0.4"), (200, b"text/event-stream")],
)
async def test_the_gateways_answers_pass_as_they_are(status: int, content_type: bytes) -> None:
    start, body = await answered(status, content_type, b"a", b"b")
    assert (start["status"], body) == (status, b"ab")


def test_serve_gets_them_as_middleware() -> None:
    assert [m.cls for m in middlewares()] == [OwnErrors, CleanHeaders]
