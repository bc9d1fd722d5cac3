"""Who is let in, through the gateway's app."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from caption_studio.gateway import followed_keys
from tests.unit.gateway.test_gateway import CHAT, CHAT_PATH, app_of, gateway

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


async def test_a_key_that_was_removed_from_its_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followed_keys, "POLL_S", 0.001)
    path, admins = tmp_path / "keys", tmp_path / "admin-keys"
    path.write_text(ONE)
    admins.write_text(RIGHT)
    async with gateway(api_keys_file=path, admin_keys_file=admins) as client:

        async def statuses(key: str) -> tuple[int, int]:
            answers = [
                await client.get(url, headers=bearer(key))
                for url in ("/v1/models", "/v1/admin/adapters")
            ]
            return answers[0].status_code, answers[1].status_code

        assert await statuses(ONE) == (200, 401)
        assert await statuses(RIGHT) == (401, 200)
        path.write_text(TWO)
        admins.write_text(ONE)
        app = app_of(client)
        async with asyncio.timeout(30), app.router.lifespan_context(app):
            while (await statuses(ONE), await statuses(TWO)) != (  # noqa: ASYNC110 - a thread
                (401, 200),
                (200, 401),
            ):
                await asyncio.sleep(0.01)
        assert await statuses(RIGHT) == (401, 401)
