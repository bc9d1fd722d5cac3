"""What several gateways know of adapters, over one store in memory."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from caption_studio.deployments.shared import adapter_registry, shared_list
from caption_studio.deployments.shared.adapter_registry import RunTimeAdapters
from caption_studio.errors import (
    AdapterExists,
    AdapterIsConfigured,
    InvalidAdapter,
    ModelNotFound,
    NotReady,
)
from caption_studio.language.adapters.configured import ConfiguredAdapters
from caption_studio.observability.metrics import Metrics
from caption_studio.records import Adapter
from caption_studio.settings import LanguageSettings
from caption_studio.snapshots import KEPT, Snapshots

pytestmark = pytest.mark.anyio

LATE = Adapter("late", "org/late", "c" * 40, any_base=True, digest="d" * 64)


class Store:
    """`KeyValueStore` in this process; `before_put` lets a test be faster than a writer."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.lists = 0
        self.failure: Exception | None = None
        self.before_put: Callable[[], None] | None = None
        self._lock = threading.Lock()

    def keys(self) -> list[str]:
        if self.failure is not None:
            raise self.failure
        self.lists += 1
        return list(self.values)

    def get(self, key: str) -> bytes | None:
        return self.values.get(key)

    def put_new(self, key: str, value: bytes) -> bool:
        if self.before_put is not None:
            hook, self.before_put = self.before_put, None
            hook()
        with self._lock:
            if key in self.values:
                return False
            self.values[key] = value
            return True

    def delete(self, key: str) -> None:
        self.values.pop(key, None)


@asynccontextmanager
async def gateway(store: Store, metrics: Metrics | None = None) -> AsyncIterator[RunTimeAdapters]:
    counted, base = metrics or Metrics(), LanguageSettings().weights_id

    def drop_series() -> None:
        known = {base, *(adapter.id for adapter in adapters.listed())}
        counted.drop_models(known.__contains__)

    adapters = RunTimeAdapters(
        ConfiguredAdapters(LanguageSettings()), Snapshots(store), drop_series
    )
    await adapters.start()
    try:
        yield adapters
    finally:
        await adapters.close()


async def test_an_adapter_added_through_one_gateway_is_known_to_all_at_once() -> None:
    store = Store()
    async with gateway(store) as one, gateway(store) as other:
        await one.add(LATE)
        assert await other.resolve("late") == LATE
        assert [adapter.id for adapter in other.listed()] == [
            "caption-demo",
            "caption-demo-plain",
            "late",
        ]


async def test_the_series_of_a_removed_one_are_dropped_and_no_others() -> None:
    store, metrics = Store(), Metrics()
    base = LanguageSettings().weights_id
    async with gateway(store, metrics) as here, gateway(store) as elsewhere:
        await here.add(LATE)
        for model in ("late", "caption-demo", base):
            metrics.answered(route="/", method="POST", model=model, status=200)
            metrics.first_token(model, 0.1)
            metrics.tokens(model, prompt=1, completion=2)
        metrics.answered(route="/", method="POST", model=None, status=404)
        assert models_in(metrics) == {"late", "caption-demo", base, "none"}
        await elsewhere.remove("late")
        await here.check_free("late")  # it reads the list again
        assert models_in(metrics) == {"caption-demo", base, "none"}
        # A request that was under way leaves a series behind; the next change drops it.
        metrics.tokens("late", prompt=1, completion=2)
        await here.add(replace(LATE, id="later"))
        assert models_in(metrics) == {"caption-demo", base, "none"}


def models_in(metrics: Metrics) -> set[str]:
    return {
        sample.labels["model"]
        for metric in metrics.registry.collect()
        for sample in metric.samples
        if "model" in sample.labels
    }


async def test_one_that_starts_later_knows_it_too() -> None:
    store = Store()
    async with gateway(store) as one:
        await one.add(LATE)
    async with gateway(store) as later:
        assert later.listed()[-1] == LATE


async def test_a_removed_one_is_refused_elsewhere_after_the_next_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shared_list, "REFRESH_S", 0.01)
    store = Store()
    async with gateway(store) as one, gateway(store) as other:
        await one.add(LATE)
        await other.resolve("late")
        await one.remove("late")
        with pytest.raises(ModelNotFound):
            await one.resolve("late")
        for _ in range(500):
            if LATE not in other.listed():
                break
            await asyncio.sleep(0.01)
        with pytest.raises(ModelNotFound):
            await other.resolve("late")


async def test_known_ids_are_answered_without_a_look() -> None:
    store = Store()
    async with gateway(store) as adapters:
        await adapters.add(LATE)
        looks = store.lists
        for model in ("late", "caption-demo", "falcon-demo"):
            await adapters.resolve(model)
        assert store.lists == looks


async def test_many_who_ask_for_an_unknown_id_share_a_look() -> None:
    store = Store()
    async with gateway(store) as adapters:
        looks = store.lists
        results = await asyncio.gather(
            *(adapters.resolve("nobody") for _ in range(100)), return_exceptions=True
        )
        assert {type(result) for result in results} == {ModelNotFound}
        assert store.lists - looks <= 2


async def test_an_id_is_given_once() -> None:
    store = Store()
    async with gateway(store) as one, gateway(store) as other:
        results = await asyncio.gather(one.add(LATE), other.add(LATE), return_exceptions=True)
        assert sorted(type(result).__name__ for result in results) == ["AdapterExists", "NoneType"]
        for taken in ("late", "caption-demo", "falcon-demo"):
            with pytest.raises(AdapterExists) as refused:
                await other.check_free(taken)
            assert refused.value.param == "id"
            with pytest.raises(AdapterExists):
                await other.add(Adapter(taken, "org/x"))
        await other.check_free("free")


async def test_only_what_was_added_can_be_removed() -> None:
    async with gateway(Store()) as adapters:
        with pytest.raises(AdapterIsConfigured):
            await adapters.remove("caption-demo")
        with pytest.raises(ModelNotFound) as refused:
            await adapters.remove("nobody")
        assert refused.value.param == "id"


async def test_the_number_of_adapters_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter_registry, "MAX_ADAPTERS", 1)
    async with gateway(Store()) as adapters:
        await adapters.add(LATE)
        with pytest.raises(InvalidAdapter):
            await adapters.add(Adapter("more", "org/more"))


async def test_a_store_that_fails_leaves_what_is_known_and_says_so_of_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shared_list, "REFRESH_S", 0.01)
    store = Store()
    async with gateway(store) as adapters:
        await adapters.add(LATE)
        store.failure = OSError("down")
        await asyncio.sleep(0.05)
        assert await adapters.resolve("late") == LATE
        with pytest.raises(NotReady):
            await adapters.resolve("nobody")
        store.failure = None
        with pytest.raises(ModelNotFound):
            await adapters.resolve("nobody")


def test_no_change_is_lost_among_many_writers() -> None:
    store = Store()

    def write(number: int) -> None:
        Snapshots(store).change(lambda value: value + bytes([number]))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(40)))
    assert sorted(Snapshots(store).latest().value) == list(range(40))
    assert len(store.values) <= KEPT + 1


def test_a_writer_left_behind_by_all_snapshots_that_are_kept_begins_again() -> None:
    store = Store()
    Snapshots(store).change(lambda value: value + b"0")

    def others() -> None:
        for _ in range(KEPT + 3):
            Snapshots(store).change(lambda value: value + b".")

    store.before_put = others
    Snapshots(store).change(lambda value: value + b"x")
    assert Snapshots(store).latest().value == b"0" + b"." * (KEPT + 3) + b"x"


def test_what_is_known_is_not_read_again() -> None:
    snapshots = Snapshots(Store())
    written = snapshots.change(lambda value: b"x")
    assert snapshots.latest(written) is written
