"""The gateway's app over fakes: every kind of answer, without Ray or a model."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from prometheus_client import generate_latest

from caption_studio import errors
from caption_studio.batches.storage import Storage
from caption_studio.gateway.admin import Administration
from caption_studio.gateway.app import Parts, create_app
from caption_studio.gateway.limits.central import LocalLedger
from caption_studio.gateway.limits.limiter import KeyLimits, Limiter
from caption_studio.gateway.limits.messages import CentralLedger
from caption_studio.observability.metrics import Metrics
from caption_studio.observability.stages import CountedCaptioner, CountedDescriber, CountedLoader
from caption_studio.observability.tracing import Tracing
from caption_studio.pipeline import CaptionPipeline
from caption_studio.records import CaptionDelta, Prompt
from caption_studio.settings import AliasSettings, Settings, VoiceSettings
from tests.fakes import (
    FakeAliases,
    FakeCaptioner,
    FakeDescriber,
    FakeGuard,
    FakeLoader,
    FakeRegistry,
    FakeStructures,
    FakeVoices,
)

pytestmark = pytest.mark.anyio

PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
CHAT = {"messages": [{"role": "user", "content": [PICTURE]}]}
CHAT_PATH = "/v1/chat/completions"
NO_STORE: Mapping[str, Any] = {"store": None}


@asynccontextmanager
async def gateway(
    captioner: Any = None,
    describer: Any = None,
    loader: Any = None,
    registry: FakeRegistry | None = None,
    tracing: Tracing | None = None,
    ledger: CentralLedger | None = None,
    structures: FakeStructures | None = None,
    only_loopback_hosts: bool = True,
    voices: Sequence[VoiceSettings] = (),
    guard: FakeGuard | None = None,
    aliases: Sequence[AliasSettings] = (),
    batches: Mapping[str, Any] = NO_STORE,
    **settings: Any,
) -> AsyncIterator[httpx.AsyncClient]:
    @asynccontextmanager
    async def resources() -> AsyncIterator[None]:
        yield

    captioner, registry = captioner or FakeCaptioner(), registry or FakeRegistry()
    spoken = FakeVoices(registry, *voices)
    named = FakeAliases(spoken, *aliases)
    metrics = Metrics()
    loaded = Settings.load({"gateway": settings, "batches": batches})
    pipeline = CaptionPipeline(
        CountedLoader(loader or FakeLoader(), metrics),
        CountedDescriber(describer or FakeDescriber(), metrics),
        CountedCaptioner(captioner, metrics),
        registry,
        structures or FakeStructures(),
        spoken,
        guard or FakeGuard(),
        describe_timeout_s=loaded.gateway.describe_timeout_s,
    )
    edge = loaded.gateway
    limits = KeyLimits(edge.requests_per_minute, edge.tokens_per_minute)
    limiter = Limiter(ledger or LocalLedger(), limits, metrics)
    administration = None
    if edge.has_admin:
        administration = Administration(captioner, registry, spoken, named, limiter.usage)

    async def exposition() -> bytes:
        return generate_latest(metrics.registry)

    parts = Parts(
        pipeline=pipeline,
        settings=loaded,
        resources=resources,
        voices=spoken,
        aliases=named,
        metrics=metrics,
        exposition=exposition,
        tracing=tracing,
        administration=administration,
        limiter=limiter if edge.has_keys else None,
        storage=Storage.of(loaded.batches),
        only_loopback_hosts=only_loopback_hosts,
    )
    transport = httpx.ASGITransport(create_app(parts), raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


def app_of(client: httpx.AsyncClient) -> Any:
    """Return the app behind a client of `gateway`."""
    transport = client._transport
    assert isinstance(transport, httpx.ASGITransport)
    return transport.app


def events(text: str) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


async def test_a_whole_chat_answer() -> None:
    async with gateway() as client:
        answer = (await client.post(CHAT_PATH, json=CHAT)).json()
    assert answer["object"] == "chat.completion"
    assert answer["id"].startswith("chatcmpl-")
    assert answer["caption_studio"] == {
        "description": "a red boat",
        "caption": "Sea you",
        "hashtags": [],
        "alt_text": "A red boat.",
        "adapter": "caption-demo",
    }
    assert answer["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Sea you", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert answer["usage"] == {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}


async def test_pictures_of_earlier_turns_do_not_count() -> None:
    url = "data:image/png;base64," + "A" * 10_000
    seen = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}
    answered = {"role": "assistant", "content": "A kite!"}
    describer = FakeDescriber()
    async with gateway(describer=describer) as client:
        answer = await client.post(CHAT_PATH, json={"messages": [seen, answered] * 9 + [seen]})
        assert answer.status_code == 200, answer.text
        assert describer.calls == 1
        several = {"role": "user", "content": seen["content"] * 9}
        refused = await client.post(CHAT_PATH, json={"messages": [several]})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "messages")


async def test_a_whole_completion() -> None:
    async with gateway() as client:
        answer = (await client.post("/v1/completions", json={"prompt": "a", "n": 2})).json()
    assert answer["object"] == "text_completion"
    assert [c["text"] for c in answer["choices"]] == [' "Sea you" and on'] * 2
    assert answer["usage"]["completion_tokens"] == 6
    assert "caption_studio" not in answer


async def test_a_streamed_chat_answer_has_the_official_order() -> None:
    body = {**CHAT, "stream": True, "stream_options": {"include_usage": True}}
    async with gateway() as client:
        response = await client.post(CHAT_PATH, json=body)
    assert response.headers["content-type"].startswith("text/event-stream")
    *chunks, usage, done = events(response.text)
    assert done == "[DONE]"
    assert [c["choices"][0]["delta"] for c in chunks] == [
        {"role": "assistant", "content": ""},
        {"content": "Sea"},
        {"content": " you"},
        {},
    ]
    assert [c["choices"][0]["finish_reason"] for c in chunks] == [None, None, None, "stop"]
    assert [c.get("caption_studio") for c in chunks] == [
        {"description": "a red boat"},
        None,
        None,
        {
            "caption": "Sea you",
            "hashtags": [],
            "alt_text": "A red boat.",
            "adapter": "caption-demo",
        },
    ]
    assert all(c["usage"] is None for c in chunks)
    assert usage["choices"] == []
    assert usage["usage"]["total_tokens"] == 9
    assert len({c["id"] for c in [*chunks, usage]}) == 1


STAGES = (
    "fetch_s",
    "decode_queue_s",
    "decode_s",
    "describe_queue_s",
    "describe_s",
    "describe_hop_s",
    "first_delta_s",
    "generate_s",
)


async def test_stage_times_are_told_when_asked_for() -> None:
    headers = {"x-stage-times": "1"}
    async with gateway() as client:
        whole = (await client.post(CHAT_PATH, json=CHAT, headers=headers)).json()
        streamed = await client.post(CHAT_PATH, json={**CHAT, "stream": True}, headers=headers)
        text = (await client.post("/v1/completions", json={"prompt": "a"}, headers=headers)).json()
    *chunks, times, done = events(streamed.text)
    assert done == "[DONE]"
    assert (times["choices"], times["object"]) == ([], "chat.completion.chunk")
    assert not any("stage_times" in chunk.get("caption_studio", {}) for chunk in chunks)
    for told in (whole["caption_studio"], times["caption_studio"]):
        assert tuple(told["stage_times"]) == STAGES
        assert (told["stage_times"]["fetch_s"], told["stage_times"]["decode_s"]) == (0.25, 0.5)
    assert whole["caption_studio"]["description"] == "a red boat"
    assert text["caption_studio"].keys() == {"stage_times"}


async def test_stage_times_are_not_told_unasked() -> None:
    async with gateway() as client:
        whole = await client.post(CHAT_PATH, json=CHAT, headers={"x-stage-times": "0"})
        streamed = await client.post(CHAT_PATH, json={**CHAT, "stream": True})
    assert "stage_times" not in whole.text + streamed.text


async def test_a_streamed_completion_without_usage() -> None:
    async with gateway() as client:
        response = await client.post("/v1/completions", json={"prompt": "a", "stream": True})
    *chunks, done = events(response.text)
    assert done == "[DONE]"
    assert "".join(c["choices"][0]["text"] for c in chunks) == ' "Sea you" and on'
    assert all("usage" not in c for c in chunks)
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


FAILURES = [
    cls("public text", param="p", retry_after_s=2)
    for cls in vars(errors).values()
    if isinstance(cls, type) and issubclass(cls, errors.CaptionStudioError)
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda f: type(f).__name__)
async def test_every_error_class_is_an_answer(failure: errors.CaptionStudioError) -> None:
    async with gateway(FakeCaptioner(failure=failure)) as client:
        response = await client.post(CHAT_PATH, json={**CHAT, "stream": True})
    assert response.status_code == failure.status
    assert response.headers["retry-after"] == "2"
    assert response.json() == {
        "error": {
            "message": "public text",
            "type": failure.type,
            # The one class whose field only the pipeline knows.
            "param": "messages" if isinstance(failure, errors.ContextLengthExceeded) else "p",
            "code": failure.code,
        }
    }


@pytest.mark.parametrize("failure", FAILURES, ids=lambda f: type(f).__name__)
async def test_every_error_class_ends_a_stream(failure: errors.CaptionStudioError) -> None:
    captioner = FakeCaptioner(failure=failure, fail_after=1)
    async with gateway(captioner) as client:
        response = await client.post(CHAT_PATH, json={**CHAT, "stream": True})
    assert response.status_code == 200
    *chunks, last = events(response.text)
    assert last["error"]["code"] == failure.code
    assert all(c["choices"][0]["finish_reason"] is None for c in chunks)


class Unexpected(FakeCaptioner):
    def __init__(self) -> None:
        super().__init__(failure=RuntimeError("secret /etc/passwd"))  # no error of ours


async def test_the_unexpected_tells_the_caller_no_more_than_an_id() -> None:
    async with gateway(Unexpected()) as client:
        response = await client.post(CHAT_PATH, json=CHAT)
    assert response.status_code == 500
    assert response.json()["error"]["type"] == "server_error"
    assert "secret" not in response.text
    assert response.headers["x-request-id"] in response.text


async def test_the_unexpected_within_a_stream_is_an_error_event() -> None:
    captioner = Unexpected()
    captioner.fail_after = 1
    async with gateway(captioner) as client:
        response = await client.post(CHAT_PATH, json={**CHAT, "stream": True})
    assert events(response.text)[-1]["error"]["code"] == "internal_error"
    assert "secret" not in response.text


class Hanging(FakeCaptioner):
    def __init__(self, *, after_first: bool) -> None:
        super().__init__()
        self.after_first = after_first
        self.reached = asyncio.Event()
        self.release = asyncio.Event()

    async def generate(
        self, prompt: Prompt, *, stream: bool
    ) -> AsyncGenerator[tuple[CaptionDelta, ...]]:
        try:
            if self.after_first:
                yield (CaptionDelta(0, "Sea", 1, 7),)
            self.reached.set()
            await self.release.wait()
            yield (CaptionDelta(0, " you", 1, 7, "stop"),)
        finally:
            self.closed += 1


async def pass_a_minute(captioner: Hanging) -> None:
    """Wait until the generation hangs and what it said is sent; then put the clock forward.

    A deadline of milliseconds would at times pass before a busy machine has begun to generate.
    """
    await captioner.reached.wait()
    await asyncio.sleep(0.05)
    loop = asyncio.get_running_loop()
    now = loop.time
    loop.time = lambda: now() + 60.0  # type: ignore[method-assign]


async def test_the_deadline_is_an_answer_and_stops_the_generation() -> None:
    captioner = Hanging(after_first=False)
    async with gateway(captioner, request_timeout_s=60) as client:
        asked = asyncio.create_task(client.post(CHAT_PATH, json=CHAT))
        await pass_a_minute(captioner)
        response = await asked
    assert (response.status_code, response.json()["error"]["code"]) == (504, "deadline_exceeded")
    assert captioner.closed == 1


async def test_the_deadline_within_a_stream_is_an_error_event() -> None:
    captioner = Hanging(after_first=True)
    async with gateway(captioner, request_timeout_s=60) as client:
        asked = asyncio.create_task(client.post(CHAT_PATH, json={**CHAT, "stream": True}))
        await pass_a_minute(captioner)
        response = await asked
    *chunks, last = events(response.text)
    assert chunks
    assert last["error"]["code"] == "deadline_exceeded"
    assert captioner.closed == 1


async def test_a_full_gateway_refuses_at_once_and_recovers() -> None:
    captioner = Hanging(after_first=False)
    async with gateway(captioner, max_in_flight=1) as client:
        first = asyncio.create_task(client.post(CHAT_PATH, json=CHAT))
        await captioner.reached.wait()
        refused = await client.post(CHAT_PATH, json=CHAT)
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["error"]["code"] == "overloaded"
        assert (await client.get("/healthz")).status_code == 200
        captioner.release.set()
        assert (await first).status_code == 200
        assert (await client.post(CHAT_PATH, json=CHAT)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/nope", 404, "not_found"), ("GET", CHAT_PATH, 405, "method_not_allowed")],
)
async def test_the_router_answers_in_the_same_form(
    method: str, path: str, status: int, code: str
) -> None:
    async with gateway() as client:
        response = await client.request(method, path)
    assert response.status_code == status
    assert response.json()["error"]["code"] == code
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("path", ["/v1/models/", f"{CHAT_PATH}/", "/healthz/"])
async def test_a_slash_too_many_is_another_path_and_redirects_nowhere(path: str) -> None:
    async with gateway() as client:
        response = await client.get(path, headers={"host": "evil.example"})
    assert (response.status_code, response.headers.get("location")) == (404, None)
    assert path in response.json()["error"]["message"]


async def test_an_unknown_path_is_repeated_as_it_was_sent() -> None:
    async with gateway() as client:
        response = await client.get("http://127.0.0.1//v1/models")
    assert response.json()["error"]["message"] == (
        "Unknown request URL: GET //v1/models. Did you mean /v1/models?"
    )


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "text/plain"}, 415),
        ({}, 415),
        ({"content-type": "application/json", "content-encoding": "gzip"}, 415),
        ({"content-type": "application/json; charset=utf-8"}, 200),
    ],
)
async def test_only_plain_json_is_read(headers: dict[str, str], status: int) -> None:
    async with gateway() as client:
        response = await client.post(CHAT_PATH, content=json.dumps(CHAT), headers=headers)
    assert response.status_code == status


async def test_a_body_over_the_cap_is_refused_by_header_and_by_count() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 50

    headers = {"content-type": "application/json"}
    async with gateway(max_body_bytes=100) as client:
        by_header = await client.post(CHAT_PATH, content=b"x" * 101, headers=headers)
        by_count = await client.post(CHAT_PATH, content=endless(), headers=headers)
    assert (by_header.status_code, by_count.status_code) == (413, 413)


async def test_a_slow_upload_is_a_timeout() -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(60)

    headers = {"content-type": "application/json"}
    async with gateway(upload_timeout_s=0.05) as client:
        response = await client.post(CHAT_PATH, content=slow(), headers=headers)
    assert response.status_code == 408


async def test_readiness_is_that_of_the_stages() -> None:
    async with gateway() as client:
        assert (await client.get("/readyz")).status_code == 200
    down = FakeDescriber(failure=errors.NotReady("starting", retry_after_s=1), ready=False)
    async with gateway(describer=down) as client:
        response = await client.get("/readyz")
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert (await client.get("/healthz")).status_code == 200


async def test_the_models_are_the_base_and_its_adapters() -> None:
    async with gateway() as client:
        answer = (await client.get("/v1/models")).json()
    assert [(m["id"], m["parent"]) for m in answer["data"]] == [
        ("falcon-demo", None),
        ("caption-demo", "falcon-demo"),
        ("caption-demo-plain", "falcon-demo"),
    ]


async def test_an_unknown_model_is_none_whichever_way_it_is_named() -> None:
    async with gateway() as client:
        answers = [
            await client.post(CHAT_PATH, json={**CHAT, "model": "../../x"}),
            await client.get("/v1/models/nobody"),
        ]
    for answer in answers:
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "model_not_found"
        assert answer.json()["error"]["param"] == "model"


@pytest.mark.parametrize(
    ("given", "kept"), [("abc-1", True), ("a b", False), ("x" * 65, False), (None, False)]
)
async def test_a_request_id_from_outside_is_kept_if_it_is_plain(
    given: str | None, kept: bool
) -> None:
    headers = {} if given is None else {"x-request-id": given}
    async with gateway() as client:
        response = await client.get("/healthz", headers=headers)
    assert (response.headers["x-request-id"] == given) is kept


async def test_metrics_count_requests_stages_tokens_and_errors() -> None:
    async with gateway() as client:
        await client.post(CHAT_PATH, json=CHAT)
        await client.post(CHAT_PATH, json={**CHAT, "stream": True})
        await client.post(CHAT_PATH, json={"messages": []})
        text = (await client.get("/metrics")).text
    route = f'route="{CHAT_PATH}"'
    known = f'method="POST",model="caption-demo",{route},status="200"'
    assert f"caption_studio_requests_total{{{known}}} 2.0" in text
    unread = f'method="POST",model="none",{route},status="400"'
    assert f"caption_studio_requests_total{{{unread}}} 1.0" in text
    first_token = 'caption_studio_time_to_first_token_seconds_count{model="caption-demo"} 1.0'
    assert first_token in text
    assert 'caption_studio_stage_duration_seconds_count{stage="describe"} 2.0' in text
    assert 'caption_studio_description_cache_lookups_total{result="off"} 2.0' in text
    assert 'caption_studio_tokens_total{kind="completion",model="caption-demo"} 4.0' in text
    assert 'caption_studio_errors_total{code="array_below_min_length"} 1.0' in text
    assert "caption_studio_requests_in_flight 0.0" in text


async def test_a_refusal_at_the_door_counts_by_its_reason() -> None:
    captioner = Hanging(after_first=False)
    async with gateway(captioner, max_in_flight=1) as client:
        first = asyncio.create_task(client.post(CHAT_PATH, json=CHAT))
        await captioner.reached.wait()
        await client.post(CHAT_PATH, json=CHAT)
        busy = (await client.get("/metrics")).text
        captioner.release.set()
        await first
        text = (await client.get("/metrics")).text
    assert 'caption_studio_requests_rejected_total{reason="overloaded"} 1.0' in text
    assert f'model="none",route="{CHAT_PATH}",status="429"}} 1.0' in text
    assert 'caption_studio_requests_rejected_total{reason="not_ready"} 0.0' in text
    assert 'caption_studio_stage_in_flight{stage="captioner"} 1.0' in busy
    for stage in ("intake", "describer", "captioner"):
        assert f'caption_studio_stage_in_flight{{stage="{stage}"}} 0.0' in text


async def test_what_a_stranger_makes_up_is_no_label() -> None:
    async with gateway() as client:
        await client.request("A-STRANGERS-METHOD", "/a-strangers-path")
        await client.post(CHAT_PATH, json={**CHAT, "model": "a-strangers-word"})
        text = (await client.get("/metrics")).text
    assert "strangers" not in text.lower()
    assert 'method="other"' in text
    assert 'model="none"' in text


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_client_that_goes_away_is_counted_and_logged(
    streamed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    captioner = Hanging(after_first=streamed)
    caplog.set_level("INFO", "caption_studio.access")
    async with gateway(captioner) as client:
        request = client.post(CHAT_PATH, json={**CHAT, "stream": streamed})
        task = asyncio.create_task(request)
        await captioner.reached.wait()
        task.cancel()  # as Serve does with the request of a client that has gone
        await asyncio.wait([task])
        text = (await client.get("/metrics")).text
    gone = f'caption_studio_requests_cancelled_total{{route="{CHAT_PATH}"}} 1.0'
    assert gone in text
    assert "caption_studio_requests_in_flight 0.0" in text
    (line,) = [vars(r) for r in caplog.records if vars(r).get("route") == CHAT_PATH]
    assert line["cancelled"] is True
    assert line["status"] == (200 if streamed else 499)
    assert "error_code" not in line


async def test_an_answer_that_was_sent_whole_was_not_cancelled() -> None:
    async with gateway() as client:
        await client.post(CHAT_PATH, json={**CHAT, "stream": True})
        await client.post(CHAT_PATH, json={"messages": []})
        assert "requests_cancelled_total{" not in (await client.get("/metrics")).text
