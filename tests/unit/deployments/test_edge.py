from typing import Any

import pytest
from caption_studio.deployments.edge import STEERING, CleanHeaders, middlewares

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


def test_serve_gets_it_as_middleware() -> None:
    assert [m.cls for m in middlewares()] == [CleanHeaders]
