"""The administrators' routes, through the gateway's app over fakes."""

from typing import Any

import httpx
import pytest

from caption_studio import errors
from caption_studio.records import Adapter
from tests.fakes import FakeCaptioner, FakeRegistry
from tests.unit.gateway.test_authentication import bearer
from tests.unit.gateway.test_gateway import CHAT, CHAT_PATH, gateway

pytestmark = pytest.mark.anyio

PATH = "/v1/admin/adapters"
BOSS_KEY, USER_KEY = "the-key-of-the-boss", "the-key-of-a-user"
ADMIN: dict[str, Any] = {"admin_keys": [BOSS_KEY]}
BOSS = bearer(BOSS_KEY)
BODY = {"id": "late", "source": "org/late", "revision": "0" * 40}
CARD = {
    "object": "adapter",
    **BODY,
    "any_base": False,
    "configured": False,
    "digest": "d" * 64,
    "description": "",
}


def error_of(answer: httpx.Response) -> tuple[int, str, str | None]:
    error = answer.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    return answer.status_code, error["code"], error["param"]


async def test_without_an_admin_key_in_the_settings_there_are_no_such_routes() -> None:
    async with gateway() as client:
        for method, path in (("GET", PATH), ("POST", PATH), ("DELETE", f"{PATH}/x")):
            answer = await client.request(method, path, json=BODY, headers=BOSS)
            assert error_of(answer) == (404, "not_found", None)
        assert "admin" not in (await client.get("/openapi.json")).text


@pytest.mark.parametrize("headers", [{}, bearer("wrong"), bearer(USER_KEY), bearer("")])
async def test_only_an_admin_key_opens_them(headers: dict[str, str]) -> None:
    async def body() -> Any:
        raise AssertionError("the body was read")
        yield b""

    async with gateway(api_keys=[USER_KEY], **ADMIN) as client:
        answers = [
            await client.get(PATH, headers=headers),
            await client.post(PATH, content=body(), headers=headers),
            await client.delete(f"{PATH}/caption-demo", headers=headers),
        ]
    assert [error_of(answer) for answer in answers] == [(401, "invalid_api_key", None)] * 3


async def test_an_admin_key_opens_nothing_else() -> None:
    async with gateway(api_keys=[USER_KEY], **ADMIN) as client:
        assert (await client.get(PATH, headers=BOSS)).status_code == 200
        answer = await client.post(CHAT_PATH, json=CHAT, headers=BOSS)
        assert error_of(answer) == (401, "invalid_api_key", None)


async def test_an_adapter_is_loaded_then_listed_then_served_then_gone() -> None:
    captioner, registry = FakeCaptioner(), FakeRegistry()
    async with gateway(captioner, registry=registry, **ADMIN) as client:
        added = await client.post(PATH, json=BODY, headers=BOSS)
        assert (added.status_code, added.json()) == (201, CARD)
        assert captioner.loaded == [Adapter("late", "org/late", "0" * 40)]

        listed = (await client.get(PATH, headers=BOSS)).json()
        assert listed["object"] == "list"
        assert [(a["id"], a["configured"]) for a in listed["data"]] == [
            ("caption-demo", True),
            ("caption-demo-plain", True),
            ("late", False),
        ]
        models = (await client.get("/v1/models")).json()["data"]
        assert models[-1]["id"] == "late"
        assert (await client.get("/v1/models/late")).json()["parent"] == "falcon-demo"
        await client.post(CHAT_PATH, json={**CHAT, "model": "late"})
        assert captioner.prompts[0].adapter == registry.added["late"]

        removed = await client.delete(f"{PATH}/late", headers=BOSS)
        assert removed.json() == {"id": "late", "object": "adapter", "deleted": True}
        answer = await client.post(CHAT_PATH, json={**CHAT, "model": "late"})
        assert error_of(answer) == (404, "model_not_found", "model")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (400, "missing_required_parameter", "id")),
        ({**BODY, "id": "caption-demo"}, (409, "adapter_exists", "id")),
        ({**BODY, "id": "falcon-demo"}, (409, "adapter_exists", "id")),
        ({**BODY, "id": ""}, (400, "invalid_value", "id")),
        ({**BODY, "id": "a/b"}, (400, "invalid_value", "id")),
        ({**BODY, "id": "a\n"}, (400, "invalid_value", "id")),
        ({**BODY, "id": "a" * 65}, (400, "invalid_value", "id")),
        ({**BODY, "id": 5}, (400, "invalid_type", "id")),
        ({**BODY, "source": ""}, (400, "string_below_min_length", "source")),
        ({**BODY, "source": "x" * 2049}, (400, "string_above_max_length", "source")),
        ({**BODY, "revision": "main"}, (400, "invalid_value", "revision")),
        ({**BODY, "any_base": "yes"}, (400, "invalid_type", "any_base")),
        ({**BODY, "token": "x"}, (400, "unknown_parameter", "token")),
    ],
)
async def test_a_bad_request_loads_nothing_and_names_the_field(
    body: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    captioner = FakeCaptioner()
    async with gateway(captioner, **ADMIN) as client:
        assert error_of(await client.post(PATH, json=body, headers=BOSS)) == expected
    assert captioner.loaded == []


@pytest.mark.parametrize(
    "failure",
    [
        errors.InvalidAdapter("wrong", param="source"),
        errors.AdapterUnavailable("down"),
        errors.EngineFailure("no"),
    ],
)
async def test_an_adapter_that_does_not_load_is_not_added(
    failure: errors.CaptionStudioError,
) -> None:
    captioner, registry = FakeCaptioner(), FakeRegistry()
    captioner.load_failure = failure
    async with gateway(captioner, registry=registry, **ADMIN) as client:
        answer = await client.post(PATH, json=BODY, headers=BOSS)
    assert error_of(answer) == (failure.status, failure.code, failure.param)
    assert registry.added == {}


@pytest.mark.parametrize(
    ("adapter_id", "expected"),
    [
        ("nobody", (404, "model_not_found", "id")),
        ("caption-demo", (409, "adapter_is_configured", "id")),
    ],
)
async def test_what_cannot_be_removed_says_why(
    adapter_id: str, expected: tuple[int, str, str]
) -> None:
    async with gateway(**ADMIN) as client:
        assert error_of(await client.delete(f"{PATH}/{adapter_id}", headers=BOSS)) == expected


async def test_the_document_describes_them() -> None:
    async with gateway(**ADMIN) as client:
        document = (await client.get("/openapi.json")).json()
    assert set(document["paths"][PATH]) == {"get", "post"}
    body = document["paths"][PATH]["post"]["requestBody"]["content"]["application/json"]
    name = body["schema"]["$ref"].rpartition("/")[2]
    assert set(document["components"]["schemas"][name]["required"]) == {"id", "source"}
    assert "201" in document["paths"][PATH]["post"]["responses"]
    assert "422" not in str(document["paths"])
