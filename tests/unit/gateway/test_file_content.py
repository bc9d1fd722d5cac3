"""Downloads: whole or a range, for as long as bytes flow."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from caption_studio.batches.files import Files
from caption_studio.batches.store import CHUNK_BYTES
from caption_studio.batches.streams import StoredReader
from caption_studio.errors import RangeNotSatisfiable
from caption_studio.gateway import file_content
from caption_studio.gateway.file_content import asked_range
from tests.unit.gateway.test_batches import running, upload
from tests.unit.gateway.test_gateway import app_of

pytestmark = pytest.mark.anyio

CONTENT = bytes(range(256)) * 10


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", None),
        ("bytes=0-99", range(100)),
        ("bytes=90-", range(90, 100)),
        ("bytes=-10", range(90, 100)),
        ("bytes=-500", range(100)),
        ("bytes=99-500", range(99, 100)),
        ("bytes=5-4", None),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        ("lines=0-1", None),
        ("bytes=" + "9" * 50 + "-", None),
    ],
)
def test_what_is_one_range_is_obeyed_and_all_else_means_the_whole(
    header: str, expected: range | None
) -> None:
    assert asked_range(header, 100) == expected


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=-0", "bytes=500-600"])
def test_a_range_without_bytes_is_refused(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable):
        asked_range(header, 100)


async def test_a_download_goes_on_where_it_broke_off(tmp_path: Path) -> None:
    async with running(tmp_path) as client:
        file = (await upload(client, CONTENT)).json()
        path = f"/v1/files/{file['id']}/content"
        whole = await client.get(path)
        assert (whole.status_code, whole.content) == (200, CONTENT)
        assert whole.headers["accept-ranges"] == "bytes"
        etag = whole.headers["etag"]
        rest = await client.get(path, headers={"range": "bytes=1000-", "if-range": etag})
        assert (rest.status_code, rest.content) == (206, CONTENT[1000:])
        assert rest.headers["content-range"] == "bytes 1000-2559/2560"
        assert rest.headers["content-length"] == "1560"
        other = await client.get(path, headers={"range": "bytes=1000-", "if-range": '"other"'})
        assert (other.status_code, other.content) == (200, CONTENT)
        none = await client.get(path, headers={"range": "bytes=9999-"})
        assert (none.status_code, none.json()["error"]["code"]) == (416, "range_not_satisfiable")
        assert none.headers["content-range"] == "bytes */2560"


async def test_a_head_tells_the_length_and_reads_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as client:
        path = f"/v1/files/{(await upload(client, CONTENT)).json()['id']}/content"
        monkeypatch.delattr(Files, "reading")
        answer = await client.head(path, headers={"range": "bytes=0-9"})
    assert (answer.status_code, answer.headers["content-length"]) == (200, "2560")
    assert answer.content == b""


class Slow:
    """A file whose first read takes longer than a request may."""

    took_s = 2.5

    def __init__(self, source: StoredReader) -> None:
        self._source = source

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def read(self, count: int) -> bytes:
        time.sleep(self.took_s)
        self.took_s = 0.0
        return self._source.read(count)


async def test_a_download_is_longer_than_a_request_may_take_while_bytes_flow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytes(2 * CHUNK_BYTES)
    reading = Files.reading
    async with running(tmp_path) as client:  # an upload may take long where the disk is busy
        file = (await upload(client, content)).json()
    async with running(tmp_path, request_timeout_s=2.0) as client:

        class Opened:
            def __init__(self, *args: Any) -> None:
                self._opened = reading(*args)

            def __enter__(self) -> Slow:
                return Slow(self._opened.__enter__())

            def __exit__(self, *error: Any) -> Any:
                return self._opened.__exit__(*error)

        monkeypatch.setattr(Files, "reading", lambda *args: Opened(*args))
        answer = await client.get(f"/v1/files/{file['id']}/content")
    assert answer.content == content


async def test_a_client_that_takes_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_content, "STALL_S", 0.5)
    sent = 0
    async with running(tmp_path) as client:
        file = (await upload(client, bytes(3 * CHUNK_BYTES))).json()

        async def receive() -> Any:
            await asyncio.Event().wait()

        async def send(message: Any) -> None:
            nonlocal sent
            sent += len(message.get("body", b""))
            if sent >= CHUNK_BYTES:
                await asyncio.Event().wait()

        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "method": "GET",
            "path": f"/v1/files/{file['id']}/content",
            "raw_path": b"",
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"127.0.0.1")],
            "client": None,
            "server": None,
            "state": {},
        }
        async with asyncio.timeout(60):
            await app_of(client)(scope, receive, send)
    assert sent <= CHUNK_BYTES
