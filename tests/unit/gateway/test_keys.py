"""API keys and rate limits, through the gateway's app."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from caption_studio.gateway.keys import Keys, key_digests
from caption_studio.settings import GatewaySettings
from tests.unit.gateway.test_gateway import CHAT, CHAT_PATH, gateway

pytestmark = pytest.mark.anyio


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@pytest.mark.parametrize(
    "headers",
    [{}, bearer("wrong"), bearer(""), bearer("right "[:-2]), {"authorization": "Basic right"}],
)
async def test_without_the_right_key_nothing_is_served(headers: dict[str, str]) -> None:
    async with gateway(api_keys=["right"]) as client:
        for method, path in (("POST", CHAT_PATH), ("GET", "/v1/models"), ("GET", "/metrics")):
            answer = await client.request(method, path, headers=headers)
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == "invalid_api_key"
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_with_a_right_key_it_is() -> None:
    async with gateway(api_keys=["one", "two"]) as client:
        for key in ("one", "two"):
            answer = await client.post(CHAT_PATH, json=CHAT, headers=bearer(key))
            assert answer.status_code == 200


async def test_probes_need_no_key() -> None:
    async with gateway(api_keys=["right"]) as client:
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).status_code == 200


async def test_the_key_is_asked_for_before_the_body_is_read() -> None:
    async def body() -> Any:
        raise AssertionError("the body was read")
        yield b""

    async with gateway(api_keys=["right"]) as client:
        answer = await client.post(CHAT_PATH, content=body())
    assert answer.status_code == 401


async def test_each_key_has_its_own_rate() -> None:
    async with gateway(api_keys=["one", "two"], requests_per_minute=2) as client:

        async def ask(key: str) -> httpx.Response:
            return await client.get("/v1/models", headers=bearer(key))

        assert [(await ask("one")).status_code for _ in range(3)] == [200, 200, 429]
        refused = await ask("one")
        assert refused.json()["error"]["code"] == "rate_limit_exceeded"
        assert 1 <= int(refused.headers["retry-after"]) <= 30
        assert (await ask("two")).status_code == 200


async def test_a_rate_recovers_with_time() -> None:
    now = 0.0
    served = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal served
        served += 1

    async def send(message: Any) -> None:
        pass

    digests = key_digests(GatewaySettings(api_keys=("k",)))  # type: ignore[arg-type]
    keys = Keys(app, digests, requests_per_minute=60, clock=lambda: now)
    headers = [(b"authorization", b"Bearer k")]

    async def ask() -> None:
        scope = {"type": "http", "path": "/v1/x", "headers": headers, "caption_studio.log": {}}
        await keys(scope, send, send)  # type: ignore[arg-type]

    for _ in range(61):
        await ask()
    assert served == 60
    now = 1.0
    await ask()
    await ask()
    assert served == 61


def test_keys_come_from_a_file_too(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("one\n\ntwo\n")
    settings = GatewaySettings(api_keys=("zero",), api_keys_file=path)  # type: ignore[arg-type]
    assert len(key_digests(settings)) == 3


def test_a_key_file_that_is_missing_or_empty_is_no_open_door(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="absent"):
        key_digests(GatewaySettings(api_keys_file=tmp_path / "absent"))
    (tmp_path / "empty").touch()
    with pytest.raises(ValueError, match="no API key"):
        key_digests(GatewaySettings(api_keys_file=tmp_path / "empty"))


def test_keys_are_not_shown_with_the_settings() -> None:
    assert "right" not in repr(GatewaySettings(api_keys=("right",)))  # type: ignore[arg-type]
