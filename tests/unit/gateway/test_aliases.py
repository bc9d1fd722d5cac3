"""Aliases, through the gateway's app over fakes."""

import json
import logging
from typing import Any

import httpx
import pytest

from caption_studio.settings import AliasSettings
from tests.fakes import FakeCaptioner, FakeRegistry, FakeVoices
from tests.unit.gateway.test_admin import ADMIN, BODY, BOSS, error_of
from tests.unit.gateway.test_authentication import bearer
from tests.unit.gateway.test_gateway import CHAT, CHAT_PATH, PICTURE, events, gateway
from tests.unit.gateway.test_responses import read

pytestmark = pytest.mark.anyio

ALIASES = "/v1/admin/aliases"
VOICES = "/v1/admin/voices"
HALVES: dict[str, Any] = {
    "id": "caption",
    "targets": [
        {"model": "caption-demo", "weight": 50},
        {"model": "caption-demo-plain", "weight": 50},
    ],
}
ONE = {"id": "one", "targets": [{"model": "caption-demo-plain", "weight": 1}]}
GIVEN = AliasSettings.model_validate(ONE)
USERS = [f"user-{number}" for number in range(20)]
BOTH = {"caption-demo", "caption-demo-plain"}


async def asked(
    client: httpx.AsyncClient, headers: dict[str, str] | None = None, /, **changes: Any
) -> str:
    """Return the model that answers a picture."""
    body = {**CHAT, "model": "caption", **changes}
    answer = await client.post(CHAT_PATH, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    model = answer.json()["model"]
    assert answer.json()["caption_studio"]["adapter"] == model
    return str(model)


async def test_an_alias_is_set_listed_set_anew_and_removed() -> None:
    async with gateway(**ADMIN) as client:
        added = await client.post(ALIASES, json=HALVES, headers=BOSS)
        card = {**HALVES, "object": "alias", "description": "", "configured": False}
        assert (added.status_code, added.json()) == (200, card)
        assert {await asked(client, user=user) for user in USERS} == BOTH
        back = {**HALVES, "targets": HALVES["targets"][:1]}
        assert (await client.post(ALIASES, json=back, headers=BOSS)).status_code == 200
        assert {await asked(client, user=user) for user in USERS} == {"caption-demo"}
        listed = (await client.get(ALIASES, headers=BOSS)).json()
        assert listed == {"object": "list", "data": [{**card, **back}]}
        gone = await client.delete(f"{ALIASES}/caption", headers=BOSS)
        assert gone.json() == {"id": "caption", "object": "alias", "deleted": True}
        later = await client.post(CHAT_PATH, json={**CHAT, "model": "caption"})
        assert error_of(later) == (404, "model_not_found", "model")


async def test_it_is_a_model_to_choose_that_tells_no_weights() -> None:
    async with gateway(aliases=[GIVEN], **ADMIN) as client:
        await client.post(ALIASES, json={**HALVES, "description": "The house's"}, headers=BOSS)
        models = (await client.get("/v1/models")).json()["data"]
        alone = (await client.get("/v1/models/caption")).json()
        unknown = await client.get("/v1/models/nobody")
    assert [model["id"] for model in models[-2:]] == ["one", "caption"]
    assert models[-1] == alone
    assert alone | {"created": 0} == {
        "id": "caption",
        "object": "model",
        "created": 0,
        "owned_by": "caption-studio",
        "root": "falcon-demo",
        "parent": "caption-demo",
        "description": "The house's",
    }
    assert models[-2]["description"] == "Another name for caption-demo-plain"
    assert error_of(unknown) == (404, "model_not_found", "model")
    assert "caption-demo-plain, one, caption." in unknown.json()["error"]["message"]


@pytest.mark.parametrize("field", ["user", "safety_identifier", "prompt_cache_key"])
async def test_a_user_is_answered_by_the_same_model_each_time(field: str) -> None:
    async with gateway(**ADMIN) as client:
        await client.post(ALIASES, json=HALVES, headers=BOSS)
        first = [await asked(client, **{field: user}) for user in USERS]
        again = [await asked(client, **{field: user}, n=2, seed=5) for user in USERS]
    assert first == again
    assert set(first) == BOTH


async def test_a_key_is_answered_by_the_same_model_unless_it_names_its_users() -> None:
    keys = [f"the-key-of-customer-{number}" for number in range(12)]
    async with gateway(api_keys=keys, **ADMIN) as client:
        await client.post(ALIASES, json=HALVES, headers=BOSS)
        first = [await asked(client, bearer(key)) for key in keys]
        again = [await asked(client, bearer(key)) for key in keys]
        users = {await asked(client, bearer(keys[0]), user=user) for user in USERS}
    assert first == again
    assert set(first) == users == BOTH


async def test_who_is_nobody_gets_either() -> None:
    async with gateway(**ADMIN) as client:
        await client.post(ALIASES, json=HALVES, headers=BOSS)
        assert {await asked(client, user="") for _ in range(30)} == BOTH


async def test_every_endpoint_whole_and_streamed_with_and_without_a_picture() -> None:
    model = "caption-demo-plain"
    captioner = FakeCaptioner()
    picture = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
    bodies: list[tuple[str, dict[str, Any]]] = [
        (CHAT_PATH, CHAT),
        (CHAT_PATH, {"messages": [{"role": "user", "content": [PICTURE, PICTURE]}]}),
        (CHAT_PATH, {"messages": [{"role": "user", "content": "hi"}]}),
        ("/v1/completions", {"prompt": ["a", "b"]}),
        ("/v1/completions", {"image": "data:image/png;base64,AAAA"}),
        ("/v1/responses", {"input": [{"role": "user", "content": [picture]}]}),
        ("/v1/responses", {"input": "hi"}),
    ]
    async with gateway(captioner, aliases=[GIVEN]) as client:
        for path, body in bodies:
            whole = await client.post(path, json={**body, "model": "one"})
            assert whole.json()["model"] == model, path
            streamed = await client.post(path, json={**body, "model": "one", "stream": True})
            if path == "/v1/responses":
                assert read(streamed.text)[-1].response.model == model
            else:
                told = [event for event in events(streamed.text) if event != "[DONE]"]
                assert {event["model"] for event in told} == {model}, path
        form: Any = {"model": (None, "one"), "image": ("a.png", b"x")}
        upload = await client.post("/v1/completions", files=form)
        assert upload.json()["caption_studio"]["adapter"] == model
    adapters = {prompt.adapter.id for prompt in captioner.prompts if prompt.adapter}
    assert adapters == {model}
    assert len(captioner.prompts) == 2 * (len(bodies) + 1) + 1  # one body has two prompts


async def test_an_uploads_user_may_look_like_a_number() -> None:
    async with gateway(**ADMIN) as client:
        await client.post(ALIASES, json=HALVES, headers=BOSS)
        for number in range(8):
            json_body = {"image": "data:image/png;base64,AAAA", "safety_identifier": str(number)}
            form = {"model": (None, "caption"), "safety_identifier": (None, str(number))}
            one = await client.post("/v1/completions", json={**json_body, "model": "caption"})
            files: Any = {**form, "image": ("a.png", b"x")}
            two = await client.post("/v1/completions", files=files)
            assert one.json()["model"] == two.json()["model"]


async def test_it_is_counted_and_logged_under_the_model_that_answers_and_tells_no_user(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "caption_studio.access")
    key = "the-key-of-a-customer"
    async with gateway(api_keys=[key], aliases=[GIVEN]) as client:
        await asked(client, bearer(key), model="one", user="mallory@example.com")
        stream = {**CHAT, "model": "one", "stream": True}
        await client.post(CHAT_PATH, json=stream, headers=bearer(key))
        metrics = (await client.get("/metrics", headers=bearer(key))).text
    model = "caption-demo-plain"
    assert f'caption_studio_alias_requests_total{{alias="one",model="{model}"}} 2.0' in metrics
    assert f'method="POST",model="{model}",route="{CHAT_PATH}",status="200"}} 2.0' in metrics
    assert f'time_to_first_token_seconds_count{{model="{model}"}} 1.0' in metrics
    assert 'model="one"' not in metrics
    told = [vars(r) for r in caplog.records if vars(r).get("route") == CHAT_PATH]
    assert [(line["model"], line["alias"]) for line in told] == [(model, "one")] * 2
    everything = metrics + json.dumps(told, default=str)
    assert "mallory" not in everything
    assert key not in everything


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"id": "caption-demo"}, (409, "adapter_exists", "id")),
        ({"id": "falcon-demo"}, (409, "adapter_exists", "id")),
        ({"id": "loud"}, (409, "voice_exists", "id")),
        ({"id": "a b"}, (400, "invalid_value", "id")),
        ({"targets": []}, (400, "array_below_min_length", "targets")),
        ({"targets": [("a", 1)] * 17}, (400, "array_above_max_length", "targets")),
        ({"targets": [("nobody", 1)]}, (400, "invalid_alias", "targets[0].model")),
        ({"targets": [("loud", 1), ("one", 1)]}, (400, "invalid_alias", "targets[1].model")),
        ({"targets": [("caption", 1)]}, (400, "invalid_alias", "targets[0].model")),
        ({"targets": [("loud", 1), ("loud", 2)]}, (400, "invalid_alias", "targets[1].model")),
        ({"targets": [("loud", 0)]}, (400, "decimal_below_min_value", "targets[0].weight")),
        ({"targets": [("loud", -1)]}, (400, "decimal_below_min_value", "targets[0].weight")),
        ({"targets": [("loud", 1e7)]}, (400, "decimal_above_max_value", "targets[0].weight")),
        ({"targets": [("loud", "1")]}, (400, "invalid_type", "targets[0].weight")),
        ({"targets": [("loud", True)]}, (400, "invalid_type", "targets[0].weight")),
        ({"targets": ["loud"]}, (400, "invalid_type", "targets[0]")),
        (
            {"targets": [{"model": "loud"}]},
            (400, "missing_required_parameter", "targets[0].weight"),
        ),
        ({"description": "x" * 201}, (400, "string_above_max_length", "description")),
        ({"weight": 1}, (400, "unknown_parameter", "weight")),
    ],
)
async def test_an_alias_that_cannot_serve_is_refused_by_name(
    changes: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    if "targets" in changes:
        changes["targets"] = [
            {"model": one[0], "weight": one[1]} if isinstance(one, tuple) else one
            for one in changes["targets"]
        ]
    async with gateway(aliases=[GIVEN], **ADMIN) as client:
        loud = {"id": "loud", "adapter": "caption-demo"}
        await client.post(VOICES, json=loud, headers=BOSS)
        before = (await client.get("/v1/models")).json()
        answer = await client.post(ALIASES, json={**HALVES, **changes}, headers=BOSS)
        assert error_of(answer) == expected
        assert (await client.get("/v1/models")).json() == before


async def test_an_alias_may_name_no_alias_and_says_so() -> None:
    async with gateway(aliases=[GIVEN], **ADMIN) as client:
        chain = {"id": "chain", "targets": [{"model": "one", "weight": 1}]}
        answer = await client.post(ALIASES, json=chain, headers=BOSS)
        assert answer.json()["error"]["message"] == "An alias may not name an alias."


async def test_no_model_takes_an_aliass_id() -> None:
    captioner = FakeCaptioner()
    async with gateway(captioner, aliases=[GIVEN], **ADMIN) as client:
        voice = {"id": "one", "adapter": "caption-demo"}
        answers = [
            await client.post(VOICES, json=voice, headers=BOSS),
            await client.post("/v1/admin/adapters", json={**BODY, "id": "one"}, headers=BOSS),
        ]
    assert [error_of(answer) for answer in answers] == [(409, "alias_exists", "id")] * 2
    assert not captioner.loaded


async def test_a_model_that_an_alias_names_stays() -> None:
    loud = {"id": "loud", "adapter": "caption-demo"}
    async with gateway(aliases=[GIVEN], **ADMIN) as client:
        for path, body in (("/v1/admin/adapters", BODY), (VOICES, loud)):
            await client.post(path, json=body, headers=BOSS)
            at = f"{path}/{body['id']}"
            named = {"id": "caption", "targets": [{"model": body["id"], "weight": 1}]}
            await client.post(ALIASES, json=named, headers=BOSS)
            refused = await client.delete(at, headers=BOSS)
            assert error_of(refused) == (409, "model_in_use", "id")
            assert refused.json()["error"]["message"].endswith(": caption.")
            await client.post(ALIASES, json=HALVES, headers=BOSS)
            assert (await client.delete(at, headers=BOSS)).status_code == 200
        # What stands in the settings is refused for that reason.
        configured = await client.delete(f"{VOICES}/caption-demo-plain", headers=BOSS)
        assert error_of(configured) == (409, "voice_is_configured", "id")


async def test_what_another_gateway_added_just_now_stays_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A gateway's copy of the lists is up to a second old: before a removal it is read anew."""
    for kind in (FakeRegistry, FakeVoices):
        behind(kind, monkeypatch)
    loud = {"id": "loud", "adapter": "caption-demo"}
    async with gateway(**ADMIN) as client:
        for path, body in (("/v1/admin/adapters", BODY), (VOICES, loud)):
            await client.post(path, json=body, headers=BOSS)
            named = {"id": "caption", "targets": [{"model": body["id"], "weight": 1}]}
            assert (await client.post(ALIASES, json=named, headers=BOSS)).status_code == 200
            refused = await client.delete(f"{path}/{body['id']}", headers=BOSS)
            assert error_of(refused) == (409, "model_in_use", "id")
        await client.post("/v1/admin/adapters", json={**BODY, "id": "later"}, headers=BOSS)
        await client.post(VOICES, json={"id": "calm", "adapter": "later"}, headers=BOSS)
        refused = await client.delete("/v1/admin/adapters/later", headers=BOSS)
        assert error_of(refused) == (409, "adapter_in_use", "id")


def behind(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have its list be as of the last time that it was read anew."""
    now = kind.listed

    async def refresh(self: Any) -> None:
        self.copy = now(self)

    monkeypatch.setattr(kind, "refresh", refresh)
    monkeypatch.setattr(
        kind, "listed", lambda self: getattr(self, "copy", self.configured.listed())
    )


async def test_an_alias_of_the_settings_can_be_set_anew_but_not_removed() -> None:
    async with gateway(aliases=[GIVEN], **ADMIN) as client:
        assert (await client.get(ALIASES, headers=BOSS)).json()["data"][0]["configured"]
        configured = await client.delete(f"{ALIASES}/one", headers=BOSS)
        assert error_of(configured) == (409, "alias_is_configured", "id")
        await client.post(ALIASES, json={**HALVES, "id": "one"}, headers=BOSS)
        assert {await asked(client, model="one", user=user) for user in USERS} == BOTH
        assert (await client.delete(f"{ALIASES}/one", headers=BOSS)).status_code == 200
        assert await asked(client, model="one") == "caption-demo-plain"
        unknown = await client.delete(f"{ALIASES}/nobody", headers=BOSS)
        assert error_of(unknown) == (404, "model_not_found", "id")


async def test_only_an_administrator_sees_and_changes_aliases() -> None:
    async with gateway(api_keys=["the-key-of-a-user"], **ADMIN) as client:
        for headers in ({}, bearer("the-key-of-a-user")):
            for method, path in (
                ("GET", ALIASES),
                ("POST", ALIASES),
                ("DELETE", f"{ALIASES}/caption"),
            ):
                answer = await client.request(method, path, json=HALVES, headers=headers)
                assert error_of(answer) == (401, "invalid_api_key", None)
    async with gateway() as client:
        assert error_of(await client.get(ALIASES, headers=BOSS)) == (404, "not_found", None)


async def test_the_document_describes_them() -> None:
    async with gateway(**ADMIN) as client:
        document = (await client.get("/openapi.json")).json()
    assert set(document["paths"][ALIASES]) == {"get", "post"}
    body = document["paths"][ALIASES]["post"]["requestBody"]["content"]["application/json"]
    name = body["schema"]["$ref"].rpartition("/")[2]
    schemas = document["components"]["schemas"]
    assert set(schemas[name]["required"]) == {"id", "targets"}
    assert schemas["AliasTarget"]["properties"]["weight"]["exclusiveMinimum"] == 0
