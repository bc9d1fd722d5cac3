import asyncio

import pytest

from caption_studio.records import Described, Description, Pixels, RequestClass
from caption_studio.vision.description_cache import DescriptionCache

pytestmark = pytest.mark.anyio


class Model:
    """Describes one picture at a time, when `go` is set; "bad" pictures fail."""

    def __init__(self) -> None:
        self.calls: list[bytes] = []
        self.cancelled = 0
        self.go = asyncio.Event()
        self.go.set()

    async def describe(self, pixels: Pixels, request_class: RequestClass) -> Described:
        self.calls.append(pixels.data)
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if pixels.data == b"bad":
            raise RuntimeError("bad")
        return Described(Description(pixels.data.decode()), queue_s=1.0, describe_s=2.0)


def picture(data: bytes, height_px: int = 1, width_px: int = 1) -> Pixels:
    return Pixels(data, height_px, width_px)


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def cache(model: Model) -> DescriptionCache:
    return DescriptionCache(model.describe, size=2)


async def started(cache: DescriptionCache, *data: bytes) -> list[asyncio.Task[Described]]:
    tasks = [asyncio.create_task(cache.describe(picture(one))) for one in data]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_a_picture_seen_before_is_not_described_again(
    cache: DescriptionCache, model: Model
) -> None:
    first, second = [await cache.describe(picture(b"a")) for _ in range(2)]
    assert first == Described(Description("a"), 1.0, 2.0, "miss")
    assert second == Described(Description("a"), 0.0, 0.0, "hit")
    assert model.calls == [b"a"]


async def test_the_same_bytes_in_another_shape_are_another_picture(
    cache: DescriptionCache, model: Model
) -> None:
    await cache.describe(picture(b"abcdef", 1, 2))
    assert (await cache.describe(picture(b"abcdef", 2, 1))).cache == "miss"


async def test_pictures_in_flight_together_share_one_description(
    cache: DescriptionCache, model: Model
) -> None:
    model.go.clear()
    tasks = await started(cache, b"a", b"a", b"a")
    model.go.set()
    described = await asyncio.gather(*tasks)
    assert [one.cache for one in described] == ["miss", "shared", "shared"]
    assert model.calls == [b"a"]


async def test_the_least_recently_used_is_forgotten(cache: DescriptionCache, model: Model) -> None:
    for data in (b"a", b"b", b"a", b"c", b"a", b"b"):
        await cache.describe(picture(data))
    assert model.calls == [b"a", b"b", b"c", b"b"]


async def test_a_failure_goes_to_all_who_share_it_and_is_tried_again(
    cache: DescriptionCache, model: Model
) -> None:
    model.go.clear()
    tasks = await started(cache, b"bad", b"bad")
    model.go.set()
    failures = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(failure) for failure in failures] == [RuntimeError, RuntimeError]
    with pytest.raises(RuntimeError):
        await cache.describe(picture(b"bad"))
    assert model.calls == [b"bad", b"bad"]


async def test_who_shares_a_description_does_not_lose_it_when_the_first_caller_leaves(
    cache: DescriptionCache, model: Model
) -> None:
    model.go.clear()
    first, second = await started(cache, b"a", b"a")
    first.cancel()
    await asyncio.sleep(0)
    model.go.set()
    assert (await second).description.text == "a"
    assert model.cancelled == 0


async def test_a_description_that_nobody_waits_for_is_given_up(
    cache: DescriptionCache, model: Model
) -> None:
    model.go.clear()
    tasks = await started(cache, b"a", b"a")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)
    assert model.cancelled == 1
    model.go.set()
    assert (await cache.describe(picture(b"a"))).cache == "miss"


async def test_it_can_be_switched_off(model: Model) -> None:
    off = DescriptionCache(model.describe, size=0)
    assert [(await off.describe(picture(b"a"))).cache for _ in range(2)] == ["off", "off"]
    assert model.calls == [b"a", b"a"]
