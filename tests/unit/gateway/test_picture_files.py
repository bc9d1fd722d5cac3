"""Uploaded pictures that requests name: held together within the gateway's budget of bytes."""

from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeLoader
from tests.unit.gateway.test_batches import (
    FIRST,
    URL,
    bearer,
    create,
    ended,
    line,
    results,
    running,
    upload,
)

pytestmark = pytest.mark.anyio

MB = 1024**2
PICTURE_BYTES = 20 * MB
MINE = bearer(FIRST)


def naming(*file_ids: str) -> dict[str, Any]:
    parts = [{"type": "file", "file": {"file_id": file_id}} for file_id in file_ids]
    return {"messages": [{"role": "user", "content": parts}]}


async def test_a_request_may_name_as_many_of_the_largest_pictures_as_it_may_have(
    tmp_path: Path,
) -> None:
    loader = FakeLoader()
    edge = {"max_images": 3, "max_body_bytes": 8 * MB, "max_body_bytes_in_flight": 68 * MB}
    async with running(tmp_path, loader=loader, api_keys=[FIRST], **edge) as client:
        file = (await upload(client, bytes(PICTURE_BYTES), "vision", **MINE)).json()
        body = naming(*[file["id"]] * 3)
        answer = await client.post(URL, json=body, headers=MINE)
        assert answer.status_code == 200, answer.text
        loader.loaded.clear()
        batch = await create(client, "\n".join([line("a", body), line("b", body)]), **MINE)
        batch = await ended(client, batch["id"], **MINE)
    assert batch["request_counts"] == {"total": 2, "completed": 2, "failed": 0}


async def test_what_never_fits_is_refused_for_good_online_and_in_a_batch(tmp_path: Path) -> None:
    edge = {"max_body_bytes": 1000, "max_body_bytes_in_flight": 3000, "api_keys": [FIRST]}
    async with running(tmp_path, loader=FakeLoader(), **edge) as client:
        file = (await upload(client, bytes(1500), "vision", **MINE)).json()
        two, three = naming(*[file["id"]] * 2), naming(*[file["id"]] * 3)
        assert (await client.post(URL, json=two, headers=MINE)).status_code == 200
        refused = await client.post(URL, json=three, headers=MINE)
        assert refused.status_code == 413
        assert refused.json()["error"]["code"] == "request_too_large"
        batch = await create(client, "\n".join([line("a", two), line("b", three)]), **MINE)
        batch = await ended(client, batch["id"], **MINE)
        (error,) = await results(client, batch["error_file_id"], **MINE)
    assert batch["request_counts"] == {"total": 2, "completed": 1, "failed": 1}
    assert (error["custom_id"], error["response"]["status_code"]) == ("b", 413)
