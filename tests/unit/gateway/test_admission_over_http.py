"""What admission learns from answers and tells in them, over the gateway's app with fakes."""

from typing import Any

import httpx
import pytest
from starlette.responses import Response

from caption_studio.errors import EngineFailure, Overloaded
from caption_studio.gateway.admission import Admission
from caption_studio.gateway.batch_gate import BatchGate
from caption_studio.gateway.concurrency_limit import ConcurrencyLimit
from caption_studio.gateway.places import Places
from caption_studio.limits import GUESSED_PACE_S, PACE_HEADER
from caption_studio.records import Described, Description
from tests.fakes import FakeCaptioner, FakeDescriber
from tests.unit.gateway.test_gateway import CHAT, CHAT_PATH, gateway

pytestmark = pytest.mark.anyio


class WaitingDescriber(FakeDescriber):
    """Describes at once what has waited for `queue_s`."""

    def __init__(self, queue_s: float) -> None:
        super().__init__()
        self.queue_s = queue_s

    async def describe(self, *_: Any, **__: Any) -> Described:
        return Described(Description("a boat"), queue_s=self.queue_s, describe_s=0.1)


class FullCaptioner(FakeCaptioner):
    """Had no free place in its batch."""

    queued = True


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("describer", "captioner", "queued"),
    [
        (WaitingDescriber(0.0), FakeCaptioner(), False),
        (WaitingDescriber(0.02), FakeCaptioner(), False),
        (WaitingDescriber(0.5), FakeCaptioner(), True),
        (WaitingDescriber(0.0), FullCaptioner(), True),
    ],
)
async def test_a_request_that_waited_for_a_stage_says_so(
    describer: FakeDescriber, captioner: FakeCaptioner, queued: bool, stream: bool
) -> None:
    scopes: list[dict[str, Any]] = []
    async with gateway(captioner, describer) as client:
        app = client._transport.app  # type: ignore[attr-defined]

        async def watched(scope: Any, receive: Any, send: Any) -> None:
            scopes.append(scope)
            await app(scope, receive, send)

        transport = httpx.ASGITransport(watched)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            answer = await client.post(CHAT_PATH, json={**CHAT, "stream": stream})
    assert answer.status_code == 200
    assert [scope["caption_studio.queued"] for scope in scopes] == [queued]


@pytest.mark.parametrize("stream", [False, True])
async def test_each_answer_tells_the_pace(stream: bool) -> None:
    async with gateway() as client:
        answer = await client.post(CHAT_PATH, json={**CHAT, "stream": stream})
        assert int(answer.headers[PACE_HEADER]) == pytest.approx(1e6 * GUESSED_PACE_S, rel=0.2)
        assert PACE_HEADER not in (await client.get("/healthz")).headers


@pytest.mark.parametrize("status", [429, 503])
async def test_those_whom_a_stage_refuses_are_spread_too(status: int) -> None:
    refused = Response(status_code=status, headers={"Retry-After": "1"})
    places = Places(ConcurrencyLimit(1, 10, 10.0), lambda: 1000.0)
    refusing = Admission(refused, places, BatchGate(places, max_in_flight=1, batch_size=1))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await refusing({**scope, "caption_studio.route": CHAT_PATH}, receive, send)

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answers = [await client.post("/") for _ in range(300)]
    assert {answer.status_code for answer in answers} == {status}
    waits_s = [int(answer.headers["retry-after"]) for answer in answers]
    assert waits_s == [1] * 128 + [2] * 128 + [3] * 44


async def test_a_stage_that_asks_for_longer_gets_it() -> None:
    failure = Overloaded("full", retry_after_s=30)
    async with gateway(describer=FakeDescriber(failure=failure)) as client:
        answer = await client.post(CHAT_PATH, json=CHAT)
    assert answer.headers["retry-after"] == "30"


async def test_other_failures_tell_no_time() -> None:
    async with gateway(describer=FakeDescriber(failure=EngineFailure("no"))) as client:
        answer = await client.post(CHAT_PATH, json=CHAT)
    assert answer.status_code == 500
    assert "retry-after" not in answer.headers
