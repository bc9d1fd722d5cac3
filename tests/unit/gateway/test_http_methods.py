"""HEAD, OPTIONS and Allow, streams that no proxy holds back, ids with slashes, and CORS."""

from urllib.parse import quote

import pytest

from caption_studio.records import Adapter
from tests.fakes import FakeRegistry
from tests.unit.gateway.test_authentication import RIGHT, bearer
from tests.unit.gateway.test_gateway import CHAT, CHAT_PATH, gateway

pytestmark = pytest.mark.anyio

PAGE = "https://app.example"
ADMIN = "the-key-of-the-boss"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models",
        "/v1/models/base",
        "/v1/models/nope",
        "/metrics",
        "/openapi.json",
        "/health",
        "/healthz",
        "/readyz",
        "/nope",
        CHAT_PATH,
    ],
)
async def test_head_is_get_without_the_body(path: str) -> None:
    async with gateway() as client:
        got, head = await client.get(path), await client.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    same = {"content-type", "content-length", "allow"}
    assert path == "/metrics" or [head.headers.get(n) for n in same] == [
        got.headers.get(n) for n in same
    ]
    assert head.headers.keys() == got.headers.keys()


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (CHAT_PATH, "OPTIONS, POST"),
        ("/v1/models/base", "GET, HEAD, OPTIONS"),
        ("/openapi.json", "GET, HEAD, OPTIONS"),
        ("/v1/admin/adapters", "GET, HEAD, OPTIONS, POST"),
        ("/v1/admin/adapters/a/b", "DELETE, OPTIONS"),
    ],
)
async def test_a_wrong_method_and_options_are_told_all_that_a_path_has(
    path: str, allowed: str
) -> None:
    async with gateway(admin_keys=[ADMIN]) as client:
        wrong = await client.put(path)
        options = await client.options(path)
    assert (wrong.status_code, wrong.headers["allow"]) == (405, allowed)
    assert wrong.json()["error"]["code"] == "method_not_allowed"
    assert (options.status_code, options.headers["allow"]) == (204, allowed)
    assert options.content == b""


async def test_streams_are_neither_kept_nor_held_back() -> None:
    async with gateway() as client:
        stream = await client.post(CHAT_PATH, json={**CHAT, "stream": True})
        whole = await client.post(CHAT_PATH, json=CHAT)
    assert stream.headers["cache-control"] == "no-cache"
    assert stream.headers["x-accel-buffering"] == "no"
    assert "x-accel-buffering" not in whole.headers


@pytest.mark.parametrize(
    "id_", ["owner/name", "a/b/c", "with blank", "50%", "a?b#c", "caf\u00e9", "a//b", "/a", ".x"]
)
async def test_every_listed_id_is_retrievable(id_: str) -> None:
    registry = FakeRegistry()
    registry.added[id_] = Adapter(id_, source="embedded:x")
    async with gateway(registry=registry, admin_keys=[ADMIN]) as client:
        listed = [card["id"] for card in (await client.get("/v1/models")).json()["data"]]
        assert id_ in listed
        path = f"/v1/models/{quote(id_)}"
        for quoted in (path, f"/v1/models/{quote(id_, safe='')}"):
            assert (await client.get(quoted)).json()["id"] == id_
            assert (await client.head(quoted)).status_code == 200
        gone = await client.delete(path.replace("models", "admin/adapters"), headers=bearer(ADMIN))
        assert (gone.status_code, gone.json()["id"]) == (200, id_)


@pytest.mark.parametrize("path", ["..%2f..%2fx", "a%2f..%2fb", "a%2f..", "..%2f"])
async def test_a_step_up_is_no_id(path: str) -> None:
    async with gateway() as client:
        answer = await client.get(f"/v1/models/{path}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_without_the_setting_no_answer_speaks_of_origins() -> None:
    async with gateway(api_keys=[RIGHT]) as client:
        answer = await client.get("/v1/models", headers={"origin": PAGE, **bearer(RIGHT)})
    assert not any(name.startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize("keys", [[], [RIGHT]])
async def test_a_preflight_needs_no_key(keys: list[str]) -> None:
    asks = {
        "origin": PAGE,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,x-stage-times",
    }
    async with gateway(api_keys=keys, cors_origins=[PAGE]) as client:
        allowed = await client.options(CHAT_PATH, headers=asks)
        strange = await client.options(
            CHAT_PATH, headers={**asks, "origin": "https://evil.example"}
        )
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == PAGE
    assert "POST" in allowed.headers["access-control-allow-methods"]
    assert "authorization" in allowed.headers["access-control-allow-headers"]
    assert "access-control-allow-origin" not in strange.headers
    assert (strange.status_code, strange.json()["error"]["code"]) == (403, "forbidden_origin")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/models", 200), ("GET", "/v1/nope", 401), ("POST", CHAT_PATH, 415)],
)
async def test_answers_and_errors_may_be_read_by_listed_pages(
    method: str, path: str, status: int
) -> None:
    headers = {"origin": PAGE, **({} if status == 401 else bearer(RIGHT))}
    async with gateway(api_keys=[RIGHT], cors_origins=[PAGE]) as client:
        answer = await client.request(method, path, headers=headers)
    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["vary"] == "Origin"
    exposed = answer.headers["access-control-expose-headers"].lower()
    for name in ("x-request-id", "retry-after", "x-ratelimit-remaining-requests"):
        assert name in exposed


async def test_all_pages_may_call_where_the_setting_says_so() -> None:
    async with gateway(api_keys=[RIGHT], cors_origins=["*"]) as client:
        answer = await client.get("/v1/models", headers={"origin": PAGE, **bearer(RIGHT)})
    assert answer.headers["access-control-allow-origin"] == "*"
