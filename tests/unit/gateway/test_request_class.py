"""Who is of class `batch`, what becomes of such requests, and that callers online come first."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from caption_studio.errors import Overloaded
from caption_studio.gateway.batch_gate import BatchGate
from caption_studio.gateway.concurrency_limit import ConcurrencyLimit
from caption_studio.gateway.places import Places
from caption_studio.limits import PACE_HEADER, ROOM_HEADER
from caption_studio.records import Described, Pixels, RequestClass
from tests.fakes import FakeCaptioner, FakeDescriber
from tests.unit.gateway.test_batches import URL, bearer, create, ended, line, running
from tests.unit.gateway.test_gateway import CHAT, gateway

pytestmark = pytest.mark.anyio

PATIENT, WAITING = "a-patient-key-of-tests", "a-waiting-key-of-tests"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.write_text(f"{PATIENT} class=batch requests_per_minute=2\n{WAITING}\n")
    return path


def gate(places: int = 2) -> BatchGate:
    online = Places(ConcurrencyLimit(8, 100, 10.0), lambda: 0.0)
    return BatchGate(online, max_in_flight=places, batch_size=8)


async def test_the_key_says_of_which_class_a_request_is(keys: Path) -> None:
    captioner = FakeCaptioner()
    async with gateway(captioner, api_keys_file=keys) as client:
        body = {**CHAT, "service_tier": "priority"}
        for key in (PATIENT, WAITING):
            answer = await client.post(URL, json=body, headers=bearer(key))
            assert answer.status_code == 200
        text = (await client.get("/metrics", headers=bearer(WAITING))).text
    assert [prompt.request_class for prompt in captioner.prompts] == ["batch", "online"]
    count = "caption_studio_request_duration_seconds_count"
    for request_class in ("batch", "online"):
        assert f'{count}{{class="{request_class}",route="{URL}"}} 1.0' in text


async def test_requests_of_a_batch_are_of_class_batch(tmp_path: Path) -> None:
    captioner = FakeCaptioner()
    async with running(tmp_path, captioner=captioner) as client:
        batch = await create(client, line("a"))
        await ended(client, batch["id"])
        await client.post(URL, json=CHAT)
    assert [prompt.request_class for prompt in captioner.prompts] == ["batch", "online"]


async def test_a_patient_key_keeps_its_limits_and_is_in_no_line_of_callers(keys: Path) -> None:
    async with gateway(api_keys_file=keys) as client:
        answers = [await client.post(URL, json=CHAT, headers=bearer(PATIENT)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert all(PACE_HEADER not in answer.headers for answer in answers)


async def test_patient_callers_take_no_place_from_others(keys: Path) -> None:
    goes_on = asyncio.Event()

    class Held(FakeDescriber):
        """Keeps pictures of class `batch` until it may go on."""

        async def describe(
            self,
            pixels: Pixels,
            *,
            request_id: str,
            traceparent: str | None,
            request_class: RequestClass,
        ) -> Described:
            if request_class == "batch":
                await goes_on.wait()
            return await super().describe(
                pixels,
                request_id=request_id,
                traceparent=traceparent,
                request_class=request_class,
            )

    settings: dict[str, Any] = {"api_keys_file": keys, "max_in_flight": 1}
    async with gateway(
        describer=Held(), batches={"store": None, "max_in_flight": 1}, **settings
    ) as client:
        patient = [
            asyncio.create_task(client.post(URL, json=CHAT, headers=bearer(PATIENT)))
            for _ in range(2)
        ]
        await asyncio.sleep(0.05)
        answer = await client.post(URL, json=CHAT, headers=bearer(WAITING))
        assert answer.status_code == 200
        assert int(answer.headers[ROOM_HEADER]) == 1 + 1, "one got in, the other was refused"
        goes_on.set()
        statuses = sorted([(await one).status_code for one in patient])
    assert statuses == [200, 429]


async def test_one_key_has_half_of_the_places_at_the_gate() -> None:
    room = gate(places=2)
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(room.place_of_caller("a"))
        with pytest.raises(Overloaded):
            await stack.enter_async_context(room.place_of_caller("a"))
        assert room.callers == 2
    async with room.place_of_caller("a"):
        assert room.callers == 1
    assert room.callers == 0


async def test_callers_and_a_batch_get_the_next_place_in_turn() -> None:
    room = gate(places=3)
    order: list[str] = []
    async with AsyncExitStack() as stack:
        for owner in "abc":
            await stack.enter_async_context(room.place_of_caller(owner))

        async def caller(name: str) -> None:
            async with room.place_of_caller(name):
                order.append(name)

        async def of_a_batch(name: str) -> None:
            async with room.place():
                order.append(name)

        tasks = [asyncio.create_task(caller(name)) for name in ("d", "e")]
        await asyncio.sleep(0)
        tasks.append(asyncio.create_task(of_a_batch("batch")))
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert order == ["d", "batch", "e"]
