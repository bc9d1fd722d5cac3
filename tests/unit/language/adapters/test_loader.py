import asyncio

import pytest

from caption_studio.errors import AdapterUnavailable
from caption_studio.language.adapters.loader import LoadedAdapters
from caption_studio.records import Adapter

pytestmark = pytest.mark.anyio

A, B = Adapter("a", "x/a"), Adapter("b", "x/b")


class Loads:
    """Loads when it is let; fails while `failure` is set."""

    def __init__(self) -> None:
        self.calls: list[Adapter] = []
        self.let = asyncio.Event()
        self.failure: Exception | None = None

    async def __call__(self, adapter: Adapter) -> str:
        self.calls.append(adapter)
        await self.let.wait()
        if self.failure is not None:
            raise self.failure
        return adapter.id


async def test_all_who_ask_meanwhile_wait_for_one_load() -> None:
    loads = Loads()
    loaded = LoadedAdapters(loads)
    waiting = [asyncio.create_task(loaded.get(adapter)) for adapter in (A, A, B, A)]
    await asyncio.sleep(0)
    loads.let.set()
    assert await asyncio.gather(*waiting) == ["a", "a", "b", "a"]
    assert await loaded.get(A) == "a"
    assert loads.calls == [A, B]


async def test_a_failure_is_told_to_all_who_waited_and_tried_again_later() -> None:
    loads = Loads()
    loaded = LoadedAdapters(loads)
    loads.failure = AdapterUnavailable("down")
    waiting = [asyncio.create_task(loaded.get(A)) for _ in range(3)]
    await asyncio.sleep(0)
    loads.let.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [AdapterUnavailable] * 3
    loads.failure = None
    assert await loaded.get(A) == "a"
    assert loads.calls == [A, A]


async def test_one_who_gives_up_does_not_end_the_load_for_others() -> None:
    loads = Loads()
    loaded = LoadedAdapters(loads)
    impatient, patient = (asyncio.create_task(loaded.get(A)) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.sleep(0)
    loads.let.set()
    assert await patient == "a"
    assert loads.calls == [A]


async def test_the_same_id_with_other_files_is_another_adapter() -> None:
    loads = Loads()
    loads.let.set()
    loaded = LoadedAdapters(loads)
    for digest in ("1", "2"):
        await loaded.get(Adapter("a", "x/a", digest=digest))
    assert len(loads.calls) == 2
