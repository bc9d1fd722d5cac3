"""A store and what works on its batches, without a gateway: answers are made up."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from caption_studio.batches.files import Files
from caption_studio.batches.kept import Asked, Batches
from caption_studio.batches.runner import BatchRunner
from caption_studio.batches.states import BatchState
from caption_studio.batches.store import Store
from caption_studio.batches.threads import StoreThreads
from caption_studio.batches.tools import Reply, Tools
from caption_studio.settings import BatchSettings

ENDPOINT = "/v1/chat/completions"
OWNER = "0" * 32
OTHER = "1" * 32


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now_s


def line(custom_id: str, /, **changes: Any) -> str:
    body = {"messages": [{"role": "user", "content": custom_id}]}
    fields = {"custom_id": custom_id, "method": "POST", "url": ENDPOINT, "body": body}
    return json.dumps({**fields, **changes})


class FakeCaller:
    """Answers 200, or what `replies` says of a line's text; counts how often each was asked."""

    def __init__(self, replies: dict[str, list[int]] | None = None) -> None:
        self.replies = replies or {}
        self.asked: list[str] = []
        self.known = {OWNER, OTHER}
        self.on_call: Callable[[], None] = lambda: None
        self.held: asyncio.Event | None = None

    def knows(self, owner: str) -> bool:
        return owner in self.known

    async def call(
        self, owner: str, endpoint: str, body: bytes, *, request_id: str, batch_id: str
    ) -> Reply:
        text = json.loads(body)["messages"][0]["content"]
        self.asked.append(text)
        self.on_call()
        if self.held is not None:
            await self.held.wait()
        await asyncio.sleep(0)
        statuses = self.replies.get(text, [])
        status = statuses.pop(0) if len(statuses) > 1 else (statuses or [200])[0]
        return Reply(status, json.dumps({"of": text}).encode())


class FakeGate:
    def __init__(self, places: int = 4) -> None:
        self._places = asyncio.Semaphore(places)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        async with self._places:
            yield


class House:
    """One gateway's view of a store: a second house over the same folder is another gateway."""

    def __init__(
        self,
        root: Path | str,
        clock: Clock,
        store: Store | None = None,
        caller: FakeCaller | None = None,
        **settings: Any,
    ) -> None:
        loaded = BatchSettings(store=str(root), **settings)
        self.store = store or Store(str(root))
        self.clock = clock
        self.monotonic = Clock()
        self.files = Files(self.store, loaded, clock)
        self.batches = Batches(self.store, loaded, clock)
        self.threads = StoreThreads("batches")
        self.caller = caller or FakeCaller()
        self.max_line_bytes = 100_000

    def runner(self) -> BatchRunner:
        tools = Tools(
            files=self.files,
            batches=self.batches,
            threads=self.threads,
            caller=self.caller,
            gate=FakeGate(),
            max_line_bytes=self.max_line_bytes,
            clock=self.clock,
        )
        return BatchRunner(tools, self.monotonic)

    def upload(self, lines: Iterable[str], owner: str = OWNER) -> str:
        content = "\n".join(lines).encode()
        file = self.files.create(
            owner, BytesIO(content), size_bytes=len(content), filename="a.jsonl", purpose="batch"
        )
        return file.id

    def batch(self, lines: Iterable[str], owner: str = OWNER) -> BatchState:
        return self.batches.create(owner, Asked(ENDPOINT, self.upload(lines, owner)))

    def state(self, batch: BatchState) -> BatchState:
        return self.batches.find(batch.request.owner, batch.request.id)

    def results(self, batch: BatchState, kind: str) -> list[Any]:
        """Return the lines of a result file, none if there is no such file."""
        ended = self.state(batch).ended
        assert ended is not None
        file_id = ended.output_file_id if kind == "output" else ended.error_file_id
        if file_id is None:
            return []
        assert self.files.find(OWNER, file_id).purpose == "batch_output"
        with self.files.reading(OWNER, file_id) as source:
            content = source.read()
        assert len(content) == self.files.find(OWNER, file_id).bytes
        return [json.loads(line) for line in content.splitlines()]
