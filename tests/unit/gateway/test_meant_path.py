"""A base URL that was joined wrongly is answered with the path that was meant."""

import httpx
import pytest

from tests.unit.gateway.test_gateway import CHAT_PATH, app_of, gateway

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        (f"{CHAT_PATH}/", CHAT_PATH),
        ("/v1//chat/completions", CHAT_PATH),
        (f"/{CHAT_PATH}", CHAT_PATH),
        ("/chat/completions", CHAT_PATH),
        (f"/v1{CHAT_PATH}", CHAT_PATH),
        (f"/v2{CHAT_PATH.removeprefix('/v1')}", CHAT_PATH),
        (f"{CHAT_PATH}/chat/completions", CHAT_PATH),
        (CHAT_PATH * 2, CHAT_PATH),
        ("/completions", "/v1/completions"),
        ("/responses", "/v1/responses"),
        ("/models", "/v1/models"),
        ("/models/base", "/v1/models/base"),
        ("/v1/models/", "/v1/models"),
        ("/v1/health", "/health"),
        ("/v1/metrics", "/metrics"),
    ],
)
async def test_the_path_that_was_meant_is_named(asked: str, meant: str) -> None:
    async with gateway() as client:
        response = await client.post(httpx.URL(f"http://127.0.0.1{asked}"), json={})
    assert response.status_code == 404
    message = response.json()["error"]["message"]
    assert message == f"Unknown request URL: POST {asked}. Did you mean {meant}?"


async def test_a_route_prefix_is_kept() -> None:
    async with gateway() as client:
        transport = httpx.ASGITransport(app_of(client), root_path="/studio")
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as below:
            response = await below.get("/studio/models/")
    assert response.json()["error"]["message"].endswith("Did you mean /studio/v1/models?")


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/nope", "/v1/embeddings", "/x" * 2000])
async def test_no_path_is_guessed_for_what_is_not_here(path: str) -> None:
    async with gateway() as client:
        response = await client.get(path)
    assert response.json()["error"]["message"] == f"Unknown request URL: GET {path}."
