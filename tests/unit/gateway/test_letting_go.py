"""What a request brings is dropped as soon as it is of no more use, and is bounded until then."""

import base64
import gc
import json
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from caption_studio.errors import ImageParseError
from caption_studio.records import (
    Described,
    ImageBytes,
    ImageReference,
    Loaded,
    Picture,
    Pixels,
    RequestClass,
)
from tests.fakes import PIXEL, FakeCaptioner, FakeDescriber, FakeLoader
from tests.unit.gateway.test_gateway import CHAT, CHAT_PATH, gateway

pytestmark = pytest.mark.anyio

PICTURE_BYTES = 2 * 1024**2
DATA_URL = "data:image/png;base64," + base64.b64encode(bytes(PICTURE_BYTES)).decode()
JSON = {"content-type": "application/json"}
ENDPOINTS = ["chat", "stream", "completion", "upload", "responses"]
FULL = {"max_body_bytes": 1024**2, "max_body_bytes_in_flight": 1024**2}


class Forgetful:
    """A loader that keeps nothing of the pictures."""

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails

    async def load(self, picture: Picture) -> Loaded:
        size = len(picture.data if isinstance(picture, ImageBytes) else picture.url)
        assert size >= PICTURE_BYTES
        if self.fails:
            raise ImageParseError("broken", param=picture.param)
        return Loaded(PIXEL, fetch_s=0.0, decode_queue_s=0.0, decode_s=0.0)


def pictures_in_memory() -> int:
    found = (thing for thing in gc.get_objects() if type(thing) in (ImageReference, ImageBytes))
    payloads = (one.data if isinstance(one, ImageBytes) else one.url for one in found)
    return sum(len(payload) >= PICTURE_BYTES for payload in payloads)


class Weighing(FakeDescriber):
    """Notes how much memory is in use while a picture is described."""

    bytes_in_use = PICTURE_BYTES
    peak_bytes = 0

    async def describe(
        self,
        pixels: Pixels,
        *,
        request_id: str,
        traceparent: str | None,
        request_class: RequestClass,
    ) -> Described:
        self.bytes_in_use, self.peak_bytes = tracemalloc.get_traced_memory()
        assert pictures_in_memory() == 0
        tracemalloc.reset_peak()  # looking at all objects takes memory, too
        return await super().describe(
            pixels, request_id=request_id, traceparent=traceparent, request_class=request_class
        )


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Leave it to reference counts: what is in a cycle stays."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def traced() -> Iterator[None]:
    """Trace the memory in use, which makes all slower that allocates."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


def requests(client: httpx.AsyncClient) -> list[httpx.Request]:
    content = [{"type": "image_url", "image_url": {"url": DATA_URL}}]
    body = {"messages": [{"role": "user", "content": content}]}
    item = {"role": "user", "content": [{"type": "input_image", "image_url": DATA_URL}]}
    upload = {"image": ("a.png", bytes(PICTURE_BYTES), "image/png")}
    return [
        client.build_request("POST", CHAT_PATH, json=body),
        client.build_request("POST", CHAT_PATH, json={**body, "stream": True}),
        client.build_request("POST", "/v1/completions", json={"image": DATA_URL}),
        client.build_request("POST", "/v1/completions", files=upload),
        client.build_request("POST", "/v1/responses", json={"input": [item], "store": False}),
    ]


@pytest.mark.usefixtures("no_collector", "traced")
@pytest.mark.parametrize("number", range(5), ids=ENDPOINTS)
async def test_nothing_of_a_picture_is_kept_while_it_is_described(number: int) -> None:
    describer = Weighing()
    async with gateway(describer=describer, loader=Forgetful()) as client:
        request = requests(client)[number]
        before_bytes, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        answer = await client.send(request)
        after_bytes, peak_bytes = tracemalloc.get_traced_memory()
    assert answer.status_code == 200, answer.text
    assert describer.bytes_in_use - before_bytes < PICTURE_BYTES / 4
    assert after_bytes - before_bytes < PICTURE_BYTES / 4
    assert max(describer.peak_bytes, peak_bytes) - before_bytes < 3 * PICTURE_BYTES


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("number", range(5), ids=ENDPOINTS)
@pytest.mark.parametrize("stage", ["loader", "describer", "captioner"])
async def test_nothing_of_a_picture_is_kept_after_a_failure(number: int, stage: str) -> None:
    failure = ImageParseError("broken", param="image")
    stages: dict[str, Any] = {"loader": Forgetful()}
    stages[stage] = {
        "loader": Forgetful(fails=True),
        "describer": FakeDescriber(failure=failure),
        "captioner": FakeCaptioner(failure=failure),
    }[stage]
    async with gateway(**stages) as client:
        answer = await client.send(requests(client)[number])
    assert answer.status_code == 400
    assert pictures_in_memory() == 0


def body_of(size: int) -> bytes:
    return json.dumps(CHAT).encode().ljust(size)


async def chunked(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 100_000):
        yield body[start : start + 100_000]


async def test_a_body_beyond_the_budget_is_refused_and_a_text_is_not() -> None:
    refused: list[httpx.Response] = []
    texts: list[httpx.Response] = []

    class Busy(FakeLoader):
        """While it loads the first picture others are sent."""

        async def load(self, picture: Picture) -> Loaded:
            texts.append(await client.post("/v1/completions", json={"prompt": "a"}))
            for content in (body_of(900_000), chunked(body_of(900_000))):
                refused.append(await client.post(CHAT_PATH, content=content, headers=JSON))
            return await super().load(picture)

    async with gateway(loader=Busy(), **FULL) as client:
        answer = await client.post(CHAT_PATH, content=body_of(900_000), headers=JSON)
    assert answer.status_code == 200
    assert [one.status_code for one in texts] == [200]
    assert [one.status_code for one in refused] == [429, 429]
    assert [one.json()["error"]["code"] for one in refused] == ["overloaded"] * 2
    assert all(int(one.headers["retry-after"]) >= 1 for one in refused)


async def test_room_is_there_again_once_the_pictures_are_decoded() -> None:
    class Asking(FakeDescriber):
        """While it describes the first picture another is sent."""

        async def describe(
            self,
            pixels: Pixels,
            *,
            request_id: str,
            traceparent: str | None,
            request_class: RequestClass,
        ) -> Described:
            if not self.calls:
                self.calls += 1
                others.append(await client.post(CHAT_PATH, content=body_of(900_000), headers=JSON))
            return await super().describe(
                pixels, request_id=request_id, traceparent=traceparent, request_class=request_class
            )

    others: list[httpx.Response] = []
    async with gateway(describer=Asking(), **FULL) as client:
        answer = await client.post(CHAT_PATH, content=body_of(900_000), headers=JSON)
        assert [one.status_code for one in (answer, *others)] == [200, 200]
        for _ in range(3):  # and after a refusal of another kind
            bad = await client.post(CHAT_PATH, content=b"{".ljust(900_000), headers=JSON)
            assert bad.status_code == 400
