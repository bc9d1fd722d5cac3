"""The client against real sockets: what it sends, what it measures, how it names failures."""

import asyncio
import base64
import io
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from benchmarks.load.client import Client, clock
from benchmarks.load.sample import Outcome, Sample
from benchmarks.scenario import ModelShare, PictureKind, Pictures, Requests, Text
from benchmarks.workload.bodies import Bodies
from tests.unit.benchmarks.fake_server import STAGES, TOKENS, FakeServer, running

pytestmark = pytest.mark.anyio


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with running(FakeServer()) as server:
        yield server


async def ask(
    url: str,
    *,
    streamed: bool = False,
    timeout_s: float = 20.0,
    count: int = 1,
    late_s: float = 0.0,
    **asked: Any,
) -> list[Sample]:
    """Send requests one after the other, so long after they were due."""
    parts = urlsplit(url)
    requests = Requests(**({"text": Text()} | asked))
    bodies = Bodies(requests, parts, headers=["Authorization: Bearer key"], seed=1, per_round=9)
    pictures = list(range(requests.pictures.per_request)) if requests.pictures else []
    bodies.prepare(dict.fromkeys(pictures, 0))
    now = clock(time.monotonic())
    client = Client(parts, now=now, timeout_s=timeout_s, max_in_flight=4)
    samples = []
    for index in range(count):
        sample = Sample(index, now() - late_s, "", streamed)
        body = bodies.request(index=index, model=0, streamed=streamed, pictures=pictures)
        samples.append(await client.send(lambda body=body: body, sample))
    client.close()
    await asyncio.sleep(0)  # a transport closes its socket a turn of the loop later
    return samples


@pytest.mark.parametrize(
    ("model", "streamed", "outcome", "status"),
    [
        ("ok", False, Outcome.OK, 200),
        ("ok", True, Outcome.OK, 200),
        ("full", False, Outcome.HTTP_429, 429),
        ("full", True, Outcome.HTTP_429, 429),
        ("bad", False, Outcome.HTTP_4XX, 400),
        ("down", False, Outcome.HTTP_5XX, 503),
        ("moved", False, Outcome.MALFORMED, 302),
        ("html", False, Outcome.MALFORMED, 200),
        ("garbage", False, Outcome.MALFORMED, None),
        ("drop", False, Outcome.DISCONNECT, None),
        ("cut", True, Outcome.DISCONNECT, 200),
        ("stream-error", True, Outcome.STREAM_ERROR, 200),
        ("endless", True, Outcome.STREAM_ERROR, 200),
    ],
)
async def test_each_end_has_its_class(
    server: FakeServer, model: str, streamed: bool, outcome: Outcome, status: int | None
) -> None:
    (sample,) = await ask(server.url, streamed=streamed, models=(ModelShare(name=model),))
    assert (sample.outcome, sample.status) == (outcome, status)


async def test_a_server_that_hangs_is_a_timeout(server: FakeServer) -> None:
    (sample,) = await ask(server.url, timeout_s=0.2, models=(ModelShare(name="hang"),))
    assert sample.outcome is Outcome.TIMEOUT
    assert sample.e2e_s >= 0.19


async def test_a_request_that_is_too_late_already_is_not_sent(server: FakeServer) -> None:
    (sample,) = await ask(server.url, timeout_s=5.0, late_s=60.0)
    assert sample.outcome is Outcome.TIMEOUT
    assert sample.sent_s is None
    assert server.bodies == []


async def test_nobody_there_is_no_connection() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        (sample,) = await ask(url)
    assert sample.outcome is Outcome.CONNECT
    assert sample.sent_s is None


async def test_after_a_failure_the_next_request_gets_a_connection_of_its_own(
    server: FakeServer,
) -> None:
    first, second = await ask(server.url, count=2, models=(ModelShare(name="drop"),))
    assert first.outcome is second.outcome is Outcome.DISCONNECT
    assert server.connections == 2


async def test_connections_are_kept(server: FakeServer) -> None:
    samples = await ask(server.url, count=5) + await ask(server.url, count=5, streamed=True)
    assert all(sample.ok for sample in samples)
    assert server.connections == 2


async def test_a_whole_answer_gives_its_counts(server: FakeServer) -> None:
    (sample,) = await ask(server.url, n=3)
    assert (sample.captions, sample.completion_tokens) == (3, 3 * TOKENS)
    assert sample.stage_times_s == STAGES
    assert sample.first_s is None
    assert sample.received_bytes > 0


async def test_a_stream_gives_its_times_and_counts() -> None:
    with running(FakeServer(first_s=0.1, gap_s=0.05)) as server:
        (sample,) = await ask(server.url, streamed=True)
    assert (sample.captions, sample.completion_tokens) == (1, TOKENS)
    assert sample.stage_times_s == STAGES
    assert sample.ttft_s is not None
    assert sample.ttft_s >= 0.1  # the empty first delta is no text
    assert len(sample.chunk_gaps_s) == TOKENS - 1
    assert sample.itl_s is not None
    assert sample.itl_s >= 0.045
    assert sample.e2e_s >= 0.3


async def test_a_body_says_what_the_scenario_asks(server: FakeServer) -> None:
    pictures = Pictures(
        kinds=(PictureKind(width_px=40, height_px=30, format="png"),), per_request=2
    )
    text = Text(min_words=3, max_words=3, before='Say "', after='"\n')
    (sample,) = await ask(
        server.url,
        streamed=True,
        pictures=pictures,
        text=text,
        models=(ModelShare(name="ok"),),
        max_tokens=7,
        temperature=0.5,
        n=1,
        body={"ignore_eos": True},
    )
    (body,) = server.bodies
    (message,) = body.pop("messages")
    assert body == {
        "model": "ok",
        "max_tokens": 7,
        "temperature": 0.5,
        "stream": True,
        "stream_options": {"include_usage": True},
        "ignore_eos": True,
    }
    words, *images = message["content"]
    assert words["text"].startswith('Say "')
    assert len(words["text"].split('"')[1].split()) == 3
    urls = [image["image_url"]["url"] for image in images]
    assert urls[0] != urls[1]
    for url in urls:
        encoded = url.removeprefix("data:image/png;base64,")
        assert Image.open(io.BytesIO(base64.b64decode(encoded))).size == (40, 30)
    assert sample.sent_bytes > len(urls[0]) * 2
    assert "x-stage-times: 1" in server.headers[0]
    assert "authorization: bearer key" in server.headers[0]


async def test_completions_carry_prompt_and_image(server: FakeServer) -> None:
    await ask(server.url, endpoint="completions", text=None, pictures=Pictures())
    await ask(server.url, endpoint="completions", stage_times=False)
    with_picture, without = server.bodies
    assert with_picture["prompt"] == ""
    assert with_picture["image"].startswith("data:image/jpeg;base64,")
    assert "image" not in without
    assert "post /v1/completions http/1.1" in server.headers[0]
    assert "x-stage-times" not in server.headers[1]


async def test_each_request_has_words_of_its_own(server: FakeServer) -> None:
    await ask(server.url, count=20)
    texts = [body["messages"][0]["content"] for body in server.bodies]
    assert len(set(texts)) == 20
