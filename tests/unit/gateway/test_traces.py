"""One trace through gateway, describer and captioner, and what its spans do not say."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from caption_studio.errors import EngineFailure, Overloaded
from caption_studio.observability.tracing import ExportedTracing, make
from caption_studio.records import CaptionDelta, Described, Pixels, Prompt, RequestClass
from caption_studio.settings import TracingSettings
from tests.fakes import FakeCaptioner, FakeDescriber
from tests.unit.gateway.test_gateway import CHAT, CHAT_PATH, gateway

pytestmark = pytest.mark.anyio

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{CALLER}-01"


class TracedDescriber(FakeDescriber):
    """Makes its span as the deployment does."""

    tracing: ExportedTracing

    async def describe(
        self,
        pixels: Pixels,
        *,
        request_id: str,
        traceparent: str | None,
        request_class: RequestClass,
    ) -> Described:
        with self.tracing.span("describe", traceparent):
            return await super().describe(
                pixels, request_id=request_id, traceparent=traceparent, request_class=request_class
            )


class TracedCaptioner(FakeCaptioner):
    """Makes its span as the deployment does."""

    tracing: ExportedTracing

    async def generate(
        self, prompt: Prompt, *, stream: bool
    ) -> AsyncGenerator[tuple[CaptionDelta, ...]]:
        with self.tracing.span("caption", prompt.traceparent):
            async for group in super().generate(prompt, stream=stream):
                yield group


class Traces:
    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()

    def of(self, service: Any) -> ExportedTracing:
        return ExportedTracing(SimpleSpanProcessor(self.exporter), service)

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self.exporter.get_finished_spans()

    def named(self, name: str) -> ReadableSpan:
        (span,) = [span for span in self.spans if span.name == name]
        return span


@asynccontextmanager
async def traced(
    traces: Traces, failure: Exception | None = None, **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    describer, captioner = TracedDescriber(), TracedCaptioner(failure=failure)
    describer.tracing, captioner.tracing = traces.of("describer"), traces.of("captioner")
    async with gateway(captioner, describer, tracing=traces.of("gateway"), **settings) as client:
        yield client


@pytest.mark.parametrize("stream", [False, True])
async def test_the_three_spans_belong_to_the_callers_trace(stream: bool) -> None:
    traces = Traces()
    async with traced(traces) as client:
        body, headers = {**CHAT, "stream": stream}, {"traceparent": TRACEPARENT}
        assert (await client.post(CHAT_PATH, json=body, headers=headers)).status_code == 200
    edge, describe, caption = (traces.named(name) for name in ("POST", "describe", "caption"))
    assert {f"{span.context.trace_id:032x}" for span in traces.spans} == {TRACE}
    assert edge.parent is not None
    assert f"{edge.parent.span_id:016x}" == CALLER
    for span, service in ((describe, "describer"), (caption, "captioner")):
        assert span.parent is not None
        assert span.parent.span_id == edge.context.span_id
        assert span.resource.attributes["service.name"] == f"caption-studio-{service}"
    told = dict(edge.attributes or {})
    assert (told["http.route"], told["http.response.status_code"]) == (CHAT_PATH, 200)
    assert told["caption_studio.model"] == "caption-demo"
    assert told["caption_studio.completion_tokens"] == 2


async def test_who_is_not_sampled_leaves_no_span_in_any_stage() -> None:
    traces = Traces()
    async with traced(traces) as client:
        headers = {"traceparent": TRACEPARENT[:-2] + "00"}
        assert (await client.post(CHAT_PATH, json=CHAT, headers=headers)).status_code == 200
    assert list(traces.spans) == []


@pytest.mark.parametrize("given", [None, "nonsense", f"00-{'0' * 32}-{CALLER}-01"])
async def test_without_a_good_context_a_trace_begins_here(given: str | None) -> None:
    traces = Traces()
    async with traced(traces) as client:
        headers = {} if given is None else {"traceparent": given}
        await client.post(CHAT_PATH, json=CHAT, headers=headers)
    assert traces.named("POST").parent is None
    assert len(traces.spans) == 3
    assert len({span.context.trace_id for span in traces.spans}) == 1


async def test_no_content_is_in_a_span() -> None:
    traces = Traces()
    body = {"prompt": "a secret prompt", "model": "a-strangers-word"}
    async with traced(traces, api_keys=["a-secret-key-of-ours"]) as client:
        headers = {"authorization": "Bearer a-secret-key-of-ours"}
        await client.post(CHAT_PATH, json=CHAT, headers=headers)
        await client.post("/v1/completions", json=body, headers=headers)
        await client.post("/v1/completions", json=body)
    text = "".join(span.to_json() for span in traces.spans)
    for content in ("secret", "strangers", "a red boat", "Sea", "base64"):
        assert content not in text


@pytest.mark.parametrize(
    ("failure", "failed"), [(EngineFailure("secret"), True), (Overloaded("secret"), False)]
)
async def test_a_span_fails_where_we_failed(failure: Exception, failed: bool) -> None:
    traces = Traces()
    async with traced(traces, failure) as client:
        await client.post(CHAT_PATH, json=CHAT)
    assert (traces.named("POST").status.status_code == StatusCode.ERROR) is failed
    caption = traces.named("caption")
    assert caption.status.status_code == StatusCode.ERROR
    assert (caption.attributes or {})["error.type"] == type(failure).__name__
    assert "secret" not in caption.to_json()


async def test_probes_are_not_traced() -> None:
    traces = Traces()
    async with traced(traces) as client:
        await client.get("/readyz")
    assert list(traces.spans) == []


async def test_the_log_line_names_the_trace(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "caption_studio.access")
    async with traced(Traces()) as client:
        await client.post(CHAT_PATH, json=CHAT, headers={"traceparent": TRACEPARENT})
    (line,) = [vars(record) for record in caplog.records if hasattr(record, "route")]
    assert line["trace_id"] == TRACE


def test_where_no_collector_is_set_no_span_is_made() -> None:
    with make(TracingSettings(), "gateway").span("x", TRACEPARENT) as span:
        assert (span.traceparent, span.trace_id) == (None, None)
