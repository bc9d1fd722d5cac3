"""Which calls to a stage tell how long callers wait."""

import pytest

from caption_studio.observability.metrics import Metrics
from caption_studio.observability.stages import CountedCaptioner, CountedDescriber
from caption_studio.observability.work import wait_p95
from caption_studio.records import Pixels, Prompt, RequestClass
from tests.fakes import FakeCaptioner, FakeDescriber, sampling

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("stream", [False, True])
async def test_nobody_waits_for_calls_of_class_batch(stream: bool) -> None:
    metrics = Metrics()
    describer = CountedDescriber(FakeDescriber(), metrics)
    captioner = CountedCaptioner(FakeCaptioner(), metrics)
    told: list[list[bool]] = []
    classes: tuple[RequestClass, ...] = ("batch", "online")
    for request_class in classes:
        await describer.describe(
            Pixels(b"", 0, 0), request_id="r", traceparent=None, request_class=request_class
        )
        prompt = Prompt("r", "m", "text", sampling(), "verbatim", request_class=request_class)
        async for _ in captioner.generate(prompt, stream=stream):
            pass
        waits_s = metrics.work.counters()
        told.append([waits_s[wait_p95(stage)] > 0 for stage in ("describer", "captioner")])
    assert told == [[False, False], [True, True]]


@pytest.mark.parametrize("stream", [False, True])
async def test_the_wait_for_a_stream_ends_with_its_first_text(stream: bool) -> None:
    """Whoever reads slowly does not wait for the captioner."""
    metrics = Metrics()
    captioner = CountedCaptioner(FakeCaptioner(), metrics)
    texts = captioner.generate(Prompt("r", "m", "text", sampling(), "verbatim"), stream=stream)
    await anext(texts)
    assert (metrics.work.counters()[wait_p95("captioner")] > 0) == stream
    await texts.aclose()
