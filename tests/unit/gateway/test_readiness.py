"""One check for all: while it runs, and for a second afterwards."""

import asyncio

import pytest

from caption_studio.errors import NotReady
from caption_studio.gateway.readiness import SharedCheck
from tests.fakes import FakeDescriber
from tests.unit.gateway.test_gateway import gateway

pytestmark = pytest.mark.anyio


class Check:
    def __init__(self) -> None:
        self.calls = 0
        self.failure: Exception | None = None
        self.goes_on = asyncio.Event()
        self.now_s = 0.0

    async def __call__(self) -> None:
        self.calls += 1
        await self.goes_on.wait()
        if self.failure is not None:
            raise self.failure

    def clock(self) -> float:
        return self.now_s


async def test_many_who_ask_at_once_share_one_check() -> None:
    check = Check()
    shared = SharedCheck(check, check.clock)
    asking = [asyncio.create_task(shared()) for _ in range(100)]
    await asyncio.sleep(0)
    asking[0].cancel()
    check.goes_on.set()
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == [None] * 99
    assert check.calls == 1


async def test_a_result_stands_for_a_second() -> None:
    check = Check()
    check.goes_on.set()
    check.failure = NotReady("starting", retry_after_s=1)
    shared = SharedCheck(check, check.clock)
    for now_s, calls in ((0.0, 1), (0.9, 1), (1.0, 2), (1.5, 2), (5.0, 3)):
        check.now_s = now_s
        with pytest.raises(NotReady) as caught:
            await shared()
        assert (caught.value.message, caught.value.retry_after_s) == ("starting", 1)
        assert check.calls == calls
    check.failure = None
    check.now_s = 6.0
    await shared()


async def test_what_goes_wrong_otherwise_is_not_remembered_as_ready() -> None:
    check = Check()
    check.goes_on.set()
    check.failure = KeyError("a bug")
    shared = SharedCheck(check, check.clock)
    with pytest.raises(KeyError):
        await shared()


async def test_readyz_asks_the_stages_once() -> None:
    class Counting(FakeDescriber):
        checks = 0

        async def check_ready(self) -> None:
            self.checks += 1

    describer = Counting()
    async with gateway(describer=describer) as client:
        answers = [await client.get("/readyz") for _ in range(20)]
    assert {answer.status_code for answer in answers} == {200}
    assert describer.checks == 1
