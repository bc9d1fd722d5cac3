"""Uploads that are slow or too much: they hold up nobody, and are refused early."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from caption_studio.errors import Overloaded
from caption_studio.gateway import body
from caption_studio.gateway.upload_places import UploadPlaces
from tests.unit.gateway.test_batches import FIRST, SECOND, bearer, running, upload

pytestmark = pytest.mark.anyio

BOUNDARY = "of-the-tests"
FORM = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
HEAD = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
).encode()
END = f"\r\n--{BOUNDARY}--\r\n".encode()
KEYS = {"api_keys": [FIRST, SECOND]}


async def test_the_slow_uploads_of_one_key_leave_room_for_another(tmp_path: Path) -> None:
    goes_on = asyncio.Event()
    arrived = 0

    async def slow() -> AsyncIterator[bytes]:
        nonlocal arrived
        yield HEAD
        arrived += 1
        await goes_on.wait()
        yield b"x" + END

    async with running(tmp_path, **KEYS) as client:

        def begin() -> asyncio.Task[httpx.Response]:
            headers = {**FORM, **bearer(FIRST)}
            return asyncio.create_task(client.post("/v1/files", content=slow(), headers=headers))

        slow_ones = [begin() for _ in range(4)]
        while arrived < 4:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        refused = await upload(client, b"x", **bearer(FIRST))
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert (await upload(client, b"x", **bearer(SECOND))).status_code == 200
        goes_on.set()
        assert {(await one).status_code for one in slow_ones} == {200}
        assert (await upload(client, b"x", **bearer(FIRST))).status_code == 200


async def test_an_upload_that_drips_loses_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "GRACE_S", 0.05)

    async def drip() -> AsyncIterator[bytes]:
        yield HEAD
        while True:
            await asyncio.sleep(0.01)
            yield b"x"

    async with running(tmp_path) as client:
        answer = await client.post("/v1/files", content=drip(), headers=FORM)
    assert (answer.status_code, answer.json()["error"]["code"]) == (408, "request_timeout")


async def test_what_the_quota_has_no_room_for_is_not_read(tmp_path: Path) -> None:
    is_read = False

    async def content() -> AsyncIterator[bytes]:
        nonlocal is_read
        is_read = True
        yield b""

    quota = {"max_file_bytes": 200_000, "max_key_bytes": 250_000}
    async with running(tmp_path, quota) as client:
        assert (await upload(client, bytes(150_000))).status_code == 200
        headers = {**FORM, "content-length": "200000"}
        answer = await client.post("/v1/files", content=content(), headers=headers)
        assert answer.json()["error"]["code"] == "quota_exceeded"
        assert not is_read
        headers["content-length"] = "900000"
        answer = await client.post("/v1/files", content=content(), headers=headers)
        assert answer.status_code == 413


def test_places_are_shared_out() -> None:
    places = UploadPlaces(8)
    held: list[Any] = []

    def take(owner: str, tries: int) -> int:
        taken = 0
        for _ in range(tries):
            place = places.place(owner)
            try:
                place.__enter__()
            except Overloaded:
                continue
            held.append(place)
            taken += 1
        return taken

    assert [take(owner, 9) for owner in ("a", "b", "c", "d", "e")] == [4, 2, 1, 1, 0]
    for place in held:
        place.__exit__(None, None, None)
    assert take("e", 9) == 4


async def test_a_form_in_another_charset_is_refused(tmp_path: Path) -> None:
    headers = {"content-type": f"{FORM['content-type']}; charset=unicode_escape"}
    async with running(tmp_path) as client:
        content = HEAD.replace(b'filename="a"', b'filename="\\ud800"') + b"x" + END
        answer = await client.post("/v1/files", content=content, headers=headers)
    assert answer.status_code == 400
    assert "charset=utf-8" in answer.json()["error"]["message"]
