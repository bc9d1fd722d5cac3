"""A store whose calls hang: the work stops with the lease, and callers do not hold it up."""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from caption_studio.batches import lease, runner
from caption_studio.batches.store import Store
from caption_studio.batches.threads import THREADS, StoreThreads
from caption_studio.errors import StoreUnavailable
from tests.unit.batches.support import Clock, House, line

pytestmark = pytest.mark.anyio

GUARD_S = 60.0
"""A test that would wait for ever fails after this."""


class Hanging(Store):
    """A store that answers no write to a lease once `hangs` is set, until `goes_on`."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.hangs = False
        self.goes_on = threading.Event()

    def put_new(self, name: str, value: bytes) -> bool:
        if self.hangs and "/lease/" in name:
            self.goes_on.wait()
            raise StoreUnavailable("at last")
        return super().put_new(name, value)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    monkeypatch.setattr(lease, "LEASE_S", 1.0)
    monkeypatch.setattr(runner, "RENEW_S", 0.05)
    monkeypatch.setattr(runner, "RELEASE_S", 0.05)
    store = Hanging(str(tmp_path))
    yield store
    store.goes_on.set()


async def test_the_work_stops_when_a_renewal_hangs(tmp_path: Path, store: Hanging) -> None:
    house = House(tmp_path, Clock(), store)
    house.monotonic = time.monotonic  # type: ignore[assignment]
    house.caller.held = asyncio.Event()
    batch = house.batch([line(str(number)) for number in range(20)])

    def hang() -> None:
        store.hangs = True

    house.caller.on_call = hang
    async with asyncio.timeout(GUARD_S):
        await house.runner().turn()
    begun = len(house.caller.asked)
    assert begun < 20
    assert house.state(batch).ended is None
    store.goes_on.set()
    other = House(tmp_path, Clock())
    other.monotonic = time.monotonic  # type: ignore[assignment]
    working = other.runner()
    async with asyncio.timeout(GUARD_S):
        while house.state(batch).status != "completed":
            await working.turn()
            await asyncio.sleep(0.05)
    assert len(house.caller.asked) == begun, "it begins no more"


async def test_no_line_is_begun_without_the_lease(
    tmp_path: Path, store: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "RENEW_S", 60.0)  # the work itself notices
    house = House(tmp_path, Clock(), store)
    house.batch([line(str(number)) for number in range(50)])

    def lose() -> None:
        if len(house.caller.asked) == 10:
            house.monotonic.now_s += 2.0

    house.caller.on_call = lose
    await house.runner().turn()
    assert 10 <= len(house.caller.asked) <= 14, "those that had a place already"


async def test_a_call_that_hangs_ends_with_its_limit() -> None:
    threads = StoreThreads("tests")
    goes_on = threading.Event()
    try:
        for _ in range(THREADS + 1):
            with pytest.raises(StoreUnavailable):
                await threads.run_within(0.01, goes_on.wait)
    finally:
        goes_on.set()
        threads.close()
