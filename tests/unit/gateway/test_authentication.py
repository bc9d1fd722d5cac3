"""Who is let in, through the gateway's app."""

from typing import Any

import pytest

from tests.unit.gateway.test_gateway import CHAT, CHAT_PATH, gateway

pytestmark = pytest.mark.anyio

RIGHT, ONE, TWO = "right-right-right", "the-first-of-two-keys", "the-second-of-two-keys"


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@pytest.mark.parametrize(
    "headers",
    [{}, bearer("wrong"), bearer(""), bearer(RIGHT[:-1]), {"authorization": f"Basic {RIGHT}"}],
)
async def test_without_the_right_key_nothing_is_served(headers: dict[str, str]) -> None:
    async with gateway(api_keys=[RIGHT]) as client:
        for method, path in (("POST", CHAT_PATH), ("GET", "/v1/models"), ("GET", "/metrics")):
            answer = await client.request(method, path, headers=headers)
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == "invalid_api_key"
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_with_a_right_key_it_is() -> None:
    async with gateway(api_keys=[ONE, TWO]) as client:
        for key in (ONE, TWO):
            answer = await client.post(CHAT_PATH, json=CHAT, headers=bearer(key))
            assert answer.status_code == 200


async def test_probes_need_no_key() -> None:
    async with gateway(api_keys=[RIGHT]) as client:
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).status_code == 200


async def test_the_key_is_asked_for_before_the_body_is_read() -> None:
    async def body() -> Any:
        raise AssertionError("the body was read")
        yield b""

    async with gateway(api_keys=[RIGHT]) as client:
        answer = await client.post(CHAT_PATH, content=body())
    assert answer.status_code == 401
