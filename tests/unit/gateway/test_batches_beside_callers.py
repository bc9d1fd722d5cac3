"""Batches and callers online in one gateway: neither holds the other up."""

import asyncio
import threading
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from caption_studio.batches import runner
from caption_studio.batches.files import Files
from caption_studio.batches.ids import NOBODY
from caption_studio.batches.kept import Asked
from caption_studio.batches.storage import Storage
from caption_studio.batches.threads import THREADS
from caption_studio.settings import BatchSettings
from tests.unit.gateway.test_batches import URL, line, running

pytestmark = pytest.mark.anyio

GUARD_S = 60.0


async def test_callers_whose_calls_hang_do_not_hold_up_a_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "POLL_S", 0.02)
    goes_on = threading.Event()
    hanging: list[None] = []

    def hangs(*_: Any, **__: Any) -> Any:
        hanging.append(None)
        goes_on.wait()
        return [], False

    monkeypatch.setattr(Files, "listed", hangs)
    storage = Storage.of(BatchSettings(store=str(tmp_path)))
    assert storage is not None
    async with running(tmp_path) as client, asyncio.timeout(GUARD_S):
        calls = [asyncio.create_task(client.get("/v1/files")) for _ in range(THREADS)]
        while len(hanging) < THREADS:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        content = line("a").encode()
        file = storage.files.create(
            NOBODY, BytesIO(content), size_bytes=len(content), filename="a", purpose="batch"
        )
        batch = storage.batches.create(NOBODY, Asked(URL, file.id))
        while storage.batches.find(NOBODY, batch.request.id).status != "completed":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        goes_on.set()
        for call in calls:
            assert (await call).status_code == 200
    storage.threads.close()
