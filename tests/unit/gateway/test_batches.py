"""Files and batches over the gateway's app with fakes: what callers send and get."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from caption_studio.batches.store import Store
from caption_studio.errors import StoreFull, StoreUnavailable
from caption_studio.gateway.batch_gate import MOST, BatchGate
from caption_studio.gateway.concurrency_limit import ConcurrencyLimit
from caption_studio.gateway.limits.central import LocalLedger
from caption_studio.gateway.places import USUAL_S, Places
from caption_studio.records import ImageBytes
from tests.fakes import FakeCaptioner, FakeLoader
from tests.unit.gateway.test_gateway import CHAT, app_of, gateway

pytestmark = pytest.mark.anyio

FIRST, SECOND = "a-key-of-the-tests-1", "a-key-of-the-tests-2"
URL = "/v1/chat/completions"


@asynccontextmanager
async def running(
    store: Path, batches: dict[str, Any] | None = None, **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """Give a gateway whose background work runs."""
    kept = {"store": str(store), **(batches or {})}
    async with gateway(batches=kept, **settings) as client:
        app = app_of(client)
        async with app.router.lifespan_context(app):
            yield client


def line(custom_id: str, body: Any = CHAT, url: str = URL) -> str:
    return json.dumps({"custom_id": custom_id, "method": "POST", "url": url, "body": body})


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def upload(
    client: httpx.AsyncClient, content: str | bytes, purpose: str = "batch", **headers: str
) -> httpx.Response:
    files = {"file": ("lines.jsonl", content)}
    return await client.post(
        "/v1/files", files=files, data={"purpose": purpose}, headers={**headers}
    )


async def create(
    client: httpx.AsyncClient, content: str, url: str = URL, **headers: str
) -> dict[str, Any]:
    file = (await upload(client, content, **headers)).json()
    body = {"input_file_id": file["id"], "endpoint": url, "completion_window": "24h"}
    answer = await client.post("/v1/batches", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def ended(client: httpx.AsyncClient, batch_id: str, **headers: str) -> dict[str, Any]:
    while True:
        batch = (await client.get(f"/v1/batches/{batch_id}", headers=headers)).json()
        if batch["status"] in ("completed", "failed", "expired", "cancelled"):
            found: dict[str, Any] = batch
            return found
        await asyncio.sleep(0.02)


async def results(client: httpx.AsyncClient, file_id: str, **headers: str) -> list[Any]:
    answer = await client.get(f"/v1/files/{file_id}/content", headers=headers)
    assert answer.status_code == 200
    return [json.loads(text) for text in answer.text.splitlines()]


async def test_a_batch_from_upload_to_output(tmp_path: Path) -> None:
    async with running(tmp_path) as client:
        bad = {**CHAT, "temperature": 9}
        batch = await create(client, "\n".join([line("a"), line("b", bad), line("c")]))
        assert (batch["object"], batch["status"]) == ("batch", "validating")
        batch = await ended(client, batch["id"])
        assert batch["status"] == "completed"
        assert batch["request_counts"] == {"total": 3, "completed": 2, "failed": 1}
        output = await results(client, batch["output_file_id"])
        (refused,) = await results(client, batch["error_file_id"])
        online = (await client.post(URL, json=CHAT)).json()
        listed = (await client.get("/v1/batches")).json()
        files = (await client.get("/v1/files")).json()
    assert sorted(one["custom_id"] for one in output) == ["a", "c"]
    body = output[0]["response"]["body"]
    assert body.keys() == online.keys()
    assert body["choices"] == online["choices"]
    assert output[0]["response"]["request_id"] in body["id"]
    assert refused["response"]["status_code"] == 400
    assert refused["response"]["body"]["error"]["param"] == "temperature"
    assert [one["id"] for one in listed["data"]] == [batch["id"]]
    assert {one["purpose"] for one in files["data"]} == {"batch", "batch_output"}


async def test_the_other_endpoints_have_batches_too(tmp_path: Path) -> None:
    async with running(tmp_path) as client:
        for url, body in (
            ("/v1/completions", {"prompt": "hi", "max_tokens": 3}),
            ("/v1/responses", {"input": "hi"}),
        ):
            batch = await create(client, line("a", body, url), url)
            batch = await ended(client, batch["id"])
            (one,) = await results(client, batch["output_file_id"])
            assert one["response"]["status_code"] == 200


async def test_a_bad_file_fails_the_batch_with_the_lines(tmp_path: Path) -> None:
    async with running(tmp_path) as client:
        batch = await create(client, "\n".join([line("a"), "no json", line("a")]))
        batch = await ended(client, batch["id"])
    assert batch["status"] == "failed"
    assert batch["failed_at"]
    assert batch["output_file_id"] is None
    found = [(error["code"], error["line"]) for error in batch["errors"]["data"]]
    assert found == [("invalid_json_line", 2), ("duplicate_custom_id", 3)]


async def test_each_key_has_its_own(tmp_path: Path) -> None:
    async with running(tmp_path, api_keys=[FIRST, SECOND]) as client:
        mine, yours = bearer(FIRST), bearer(SECOND)
        assert (await upload(client, line("a"))).status_code == 401
        batch = await create(client, line("a"), **mine)
        batch = await ended(client, batch["id"], **mine)
        for method, path in (
            ("GET", f"/v1/files/{batch['input_file_id']}"),
            ("DELETE", f"/v1/files/{batch['input_file_id']}"),
            ("GET", f"/v1/files/{batch['output_file_id']}/content"),
            ("GET", f"/v1/batches/{batch['id']}"),
            ("POST", f"/v1/batches/{batch['id']}/cancel"),
        ):
            assert (await client.request(method, path, headers=yours)).status_code == 404
        body = {
            "input_file_id": batch["input_file_id"],
            "endpoint": URL,
            "completion_window": "24h",
        }
        answer = await client.post("/v1/batches", json=body, headers=yours)
        assert answer.status_code == 404
        assert answer.json()["error"]["param"] == "input_file_id"
        for path in ("/v1/files", "/v1/batches"):
            assert (await client.get(path, headers=yours)).json()["data"] == []
            assert (await client.get(path, headers=mine)).json()["data"]


async def test_requests_of_a_batch_count_as_usage_and_need_no_room_in_the_minute(
    tmp_path: Path,
) -> None:
    ledger = LocalLedger()
    settings = {"api_keys": [FIRST], "requests_per_minute": 10}
    async with running(tmp_path, ledger=ledger, **settings) as client:
        mine = bearer(FIRST)
        batch = await create(client, "\n".join(line(str(n)) for n in range(30)), **mine)
        batch = await ended(client, batch["id"], **mine)
        assert batch["request_counts"]["completed"] == 30
        for pause_s in (0.2, 0.5, 1, 2, 5, 10):  # the limiter reports now and then
            await asyncio.sleep(pause_s)
            metrics = (await client.get("/metrics", headers=mine)).text
            lines = [text for text in metrics.splitlines() if "key_pictures_total{" in text]
            if (counted := [float(text.split()[-1]) for text in lines]) == [30.0]:
                break
        assert counted == [30.0]


@pytest.mark.parametrize(
    ("changes", "status", "param"),
    [
        ({"endpoint": "/v1/embeddings"}, 400, "endpoint"),
        ({"endpoint": None}, 400, "endpoint"),
        ({"completion_window": "1h"}, 400, "completion_window"),
        ({"input_file_id": "file-" + "0" * 24}, 404, "input_file_id"),
        ({"input_file_id": "../../etc"}, 404, "input_file_id"),
        ({"metadata": {"a": 1}}, 400, "metadata.a"),
        ({"metadata": {str(n): "" for n in range(17)}}, 400, "metadata"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 1}}, 400, None),
        ({"colour": "red"}, 400, "colour"),
    ],
)
async def test_a_bad_batch_is_refused_by_field(
    changes: dict[str, Any], status: int, param: str | None, tmp_path: Path
) -> None:
    async with running(tmp_path) as client:
        file = (await upload(client, line("a"))).json()
        body = {"input_file_id": file["id"], "endpoint": URL, "completion_window": "24h"}
        answer = await client.post("/v1/batches", json={**body, **changes})
    assert answer.status_code == status, answer.text
    if param is not None:
        assert answer.json()["error"]["param"] == param


async def test_a_picture_is_no_input_of_a_batch(tmp_path: Path) -> None:
    async with running(tmp_path) as client:
        file = (await upload(client, b"x", "vision")).json()
        body = {"input_file_id": file["id"], "endpoint": URL, "completion_window": "24h"}
        assert (await client.post("/v1/batches", json=body)).status_code == 400


async def test_bad_uploads_are_refused(tmp_path: Path) -> None:
    async with running(tmp_path, {"max_file_bytes": 1000, "max_key_bytes": 1500}) as client:
        assert (await upload(client, b"x", "fine-tune")).json()["error"]["param"] == "purpose"
        assert (await upload(client, b"")).json()["error"]["param"] == "file"
        assert (await upload(client, b"x" * 100_000)).status_code == 413
        assert (await client.post("/v1/files", json={})).status_code == 415
        answer = await client.post("/v1/files", data={"purpose": "batch"}, files={"image": b"x"})
        assert answer.json()["error"]["param"] == "image"
        answer = await client.post("/v1/files", data={"purpose": "batch"}, files={"x": (None, b"")})
        assert answer.json()["error"]["param"] == "x"
        fields = {
            "purpose": "batch",
            "expires_after[anchor]": "created_at",
            "expires_after[seconds]": "10",
        }
        answer = await client.post("/v1/files", data=fields, files={"file": b"x"})
        assert answer.json()["error"]["param"] == "expires_after.seconds"
        assert (await upload(client, b"x" * 900)).status_code == 200
        answer = await upload(client, b"x" * 900)
        assert answer.json()["error"]["code"] == "quota_exceeded"


async def test_an_upload_says_when_it_expires(tmp_path: Path) -> None:
    async with running(tmp_path) as client:
        fields = {
            "purpose": "user_data",
            "expires_after[anchor]": "created_at",
            "expires_after[seconds]": "7200",
        }
        file = (await client.post("/v1/files", data=fields, files={"file": b"x"})).json()
        assert file["expires_at"] == file["created_at"] + 7200
        assert (await client.get(f"/v1/files/{file['id']}/content")).content == b"x"
        assert (await client.delete(f"/v1/files/{file['id']}")).json()["deleted"] is True
        assert (await client.get(f"/v1/files/{file['id']}")).status_code == 404


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=99999999999", "order=up"])
async def test_bad_pages_are_refused(query: str, tmp_path: Path) -> None:
    async with running(tmp_path) as client:
        assert (await client.get(f"/v1/files?{query}")).status_code == 400
        if "limit" in query:
            assert (await client.get(f"/v1/batches?{query}")).status_code == 400


@pytest.mark.parametrize("failure", [StoreUnavailable("no"), StoreFull("full")])
async def test_a_store_that_fails_is_a_clear_error(
    failure: StoreUnavailable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise failure

    async with running(tmp_path) as client:
        file = (await upload(client, line("a"))).json()
        monkeypatch.setattr(Store, "put", fails)
        monkeypatch.setattr(Store, "names", fails)
        body = {"input_file_id": file["id"], "endpoint": URL, "completion_window": "24h"}
        for answer in (
            await upload(client, line("a")),
            await client.get("/v1/files"),
            await client.post("/v1/batches", json=body),
        ):
            assert answer.status_code == failure.status
            assert answer.json()["error"]["code"] == failure.code
            assert answer.json()["error"]["type"] == "server_error"


async def test_without_a_store_there_are_no_such_routes() -> None:
    async with gateway() as client:
        assert (await client.get("/v1/files")).status_code == 404
        assert (await client.get("/v1/batches")).status_code == 404


async def test_a_request_of_a_batch_in_flight_takes_no_place_from_callers(tmp_path: Path) -> None:
    captioner = FakeCaptioner()
    async with running(tmp_path, captioner=captioner, max_in_flight=1) as client:
        batch = await create(client, "\n".join(line(str(n)) for n in range(50)))
        for _ in range(20):
            assert (await client.post(URL, json=CHAT)).status_code == 200
        assert (await ended(client, batch["id"]))["request_counts"]["completed"] == 50


def gate(online: Places) -> BatchGate:
    return BatchGate(online, max_in_flight=6, batch_size=8)


def test_a_batch_has_fewer_places_while_more_callers_are_there_than_usual() -> None:
    online = Places(ConcurrencyLimit(8, 100, 10.0), lambda: 0.0)
    room = gate(online)
    assert room.room == 6
    places = [online.enter(None) for _ in range(4)]
    assert room.room == 2
    places += [online.enter(None) for _ in range(20)]
    assert room.room == 1
    for place in places:
        online.leave(place, answered=True)
    assert room.room == 6


def test_a_batch_has_more_places_while_fewer_callers_are_there_than_usual() -> None:
    now_s = 0.0
    online = Places(ConcurrencyLimit(64, 100, 10.0), lambda: now_s)
    room = BatchGate(online, max_in_flight=6, batch_size=64)
    places = [online.enter(None) for _ in range(10)]
    assert room.room == 1
    now_s = 10 * USUAL_S
    assert room.room == 6, "ten are usual now"
    for place in places[:4]:
        online.leave(place, answered=False)
    assert room.room == 10
    for place in places[4:]:
        online.leave(place, answered=False)
    assert room.room == MOST * 6
    now_s += 10 * USUAL_S
    assert room.room == 6, "nobody is usual now"


def test_both_classes_together_are_no_more_than_an_engine_answers_together() -> None:
    now_s = 0.0
    online = Places(ConcurrencyLimit(8, 100, 10.0), lambda: now_s)
    for _ in range(4):
        online.enter(None)
    now_s = 10 * USUAL_S
    assert gate(online).room == 4


def test_an_idle_gateway_begins_no_more_than_an_engine_answers_together() -> None:
    online = Places(ConcurrencyLimit(8, 100, 10.0), lambda: 0.0)
    room = BatchGate(online, max_in_flight=32, batch_size=8)
    assert room.room == 8
    online.enter(None)
    assert room.room == 7


def test_a_batch_keeps_one_while_callers_wait_for_a_stage() -> None:
    online = Places(ConcurrencyLimit(8, 100, 10.0), lambda: 0.0)
    for _ in range(3):
        online.leave(online.enter(None), answered=True, queued=True)
    place = online.enter(None)
    assert gate(online).room == 1
    online.leave(place, answered=False)
    assert gate(online).room == 6, "nobody is there"


async def test_a_place_is_waited_for() -> None:
    room = BatchGate(
        Places(ConcurrencyLimit(8, 100, 10.0), lambda: 0.0), max_in_flight=1, batch_size=8
    )
    order: list[str] = []

    async def one(name: str) -> None:
        async with room.place():
            order.append(f"{name} in")
            await asyncio.sleep(0.03)
            order.append(f"{name} out")

    await asyncio.gather(one("a"), one("b"))
    assert order == ["a in", "a out", "b in", "b out"]


PNG = b"\x89PNG of the tests"


def in_chat(file_id: str) -> dict[str, Any]:
    part = {"type": "file", "file": {"file_id": file_id}}
    return {"messages": [{"role": "user", "content": [part]}]}


def in_responses(file_id: str) -> dict[str, Any]:
    part = {"type": "input_image", "file_id": file_id}
    return {"input": [{"role": "user", "content": [part]}]}


def in_completions(file_id: str) -> dict[str, Any]:
    return {"image": file_id}


WAYS = [
    ("/v1/chat/completions", in_chat, "messages[0].content[0].file.file_id"),
    ("/v1/responses", in_responses, "input[0].content[0].file_id"),
    ("/v1/completions", in_completions, "image"),
]


@pytest.mark.parametrize(("url", "body", "param"), WAYS)
async def test_an_uploaded_picture_is_captioned_by_its_id(
    url: str, body: Any, param: str, tmp_path: Path
) -> None:
    loader = FakeLoader()
    async with running(tmp_path, loader=loader, api_keys=[FIRST, SECOND]) as client:
        mine, yours = bearer(FIRST), bearer(SECOND)
        file = (await upload(client, PNG, "vision", **mine)).json()
        answer = await client.post(url, json=body(file["id"]), headers=mine)
        assert answer.status_code == 200, answer.text
        (loaded,) = loader.loaded
        assert loaded == ImageBytes(PNG, param)
        batch = await create(client, line("a", body(file["id"]), url), url, **mine)
        batch = await ended(client, batch["id"], **mine)
        assert batch["request_counts"]["completed"] == 1
        refused = await client.post(url, json=body(file["id"]), headers=yours)
    assert refused.status_code == 404
    assert refused.json()["error"]["param"] == param


@pytest.mark.parametrize(("url", "body", "param"), WAYS)
async def test_a_picture_over_the_cap_is_not_read(
    url: str, body: Any, param: str, tmp_path: Path
) -> None:
    async with running(tmp_path, loader=FakeLoader()) as client:
        file = (await upload(client, bytes(21 * 1024**2), "vision")).json()
        answer = await client.post(url, json=body(file["id"]))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "image_too_large")
    assert answer.json()["error"]["param"] == param
