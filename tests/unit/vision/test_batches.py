"""Which pictures go together, and what happens to the others when one fails."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from caption_studio.records import Described, Description, Pixels
from caption_studio.vision.batches import Batches

pytestmark = pytest.mark.anyio


class Model:
    """Describes a picture by its bytes; holds still while `go` is not set."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.called = threading.Event()
        self.go = threading.Event()
        self.go.set()

    def describe(self, batch: Sequence[Pixels]) -> list[Description]:
        self.batches.append([pixels.data.decode() for pixels in batch])
        self.called.set()
        assert self.go.wait(10)
        if any(pixels.data == b"bad" for pixels in batch):
            raise RuntimeError("a bad picture")
        return [Description(pixels.data.decode()) for pixels in batch]


def picture(name: str) -> Pixels:
    return Pixels(name.encode(), 1, 1)


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def batches(model: Model) -> Iterator[Batches]:
    with ThreadPoolExecutor(1) as executor:
        yield Batches(model.describe, executor, max_size=3)


async def submitted(batches: Batches, *names: str) -> list[asyncio.Task[Described]]:
    tasks = [asyncio.create_task(batches.submit(picture(name))) for name in names]
    await asyncio.sleep(0)
    return tasks


async def until_called(model: Model) -> None:
    assert await asyncio.to_thread(model.called.wait, 10)


async def test_a_picture_alone_goes_at_once(batches: Batches, model: Model) -> None:
    assert (await batches.submit(picture("a"))).description.text == "a"
    assert model.batches == [["a"]]


async def test_what_gathers_while_one_runs_goes_together(batches: Batches, model: Model) -> None:
    model.go.clear()
    first = await submitted(batches, "a")
    await until_called(model)
    others = await submitted(batches, "b", "c", "d", "e")
    model.go.set()
    described = await asyncio.gather(*first, *others)
    assert [one.description.text for one in described] == ["a", "b", "c", "d", "e"]
    assert model.batches == [["a"], ["b", "c", "d"], ["e"]]
    assert described[4].queue_s > described[0].queue_s


async def test_one_bad_picture_fails_alone(batches: Batches, model: Model) -> None:
    model.go.clear()
    first = await submitted(batches, "a")
    await until_called(model)
    others = await submitted(batches, "b", "bad", "c")
    model.go.set()
    described = await asyncio.gather(*first, *others, return_exceptions=True)
    assert isinstance(described[2], RuntimeError)
    assert [d.description.text for d in described if isinstance(d, Described)] == ["a", "b", "c"]
    assert (await batches.submit(picture("d"))).description.text == "d"


async def test_a_picture_whose_caller_has_gone_is_left_out(batches: Batches, model: Model) -> None:
    model.go.clear()
    first = await submitted(batches, "a")
    await until_called(model)
    gone, stayed = await submitted(batches, "b", "c")
    gone.cancel()
    await asyncio.sleep(0)
    model.go.set()
    await asyncio.gather(*first, stayed)
    assert model.batches == [["a"], ["c"]]
    assert gone.cancelled()


async def test_a_caller_that_leaves_while_its_picture_runs_harms_nobody(
    batches: Batches, model: Model
) -> None:
    model.go.clear()
    (first,) = await submitted(batches, "a")
    await until_called(model)
    (second,) = await submitted(batches, "b")
    first.cancel()
    model.go.set()
    assert (await second).description.text == "b"
