"""Who is described with whom, and what happens to the others when one fails or leaves."""

import asyncio
from collections.abc import Iterator, Sequence

import pytest
import torch

from caption_studio.errors import EngineFailure, NotReady, Overloaded
from caption_studio.records import BatchShare, Described, Pixels, RequestClass
from caption_studio.vision.engine import DescriberEngine
from caption_studio.vision.git import LoadedGit
from caption_studio.vision.prefix import PrefixEncoder
from tests.unit.vision.git_models import demo, noise, reference

pytestmark = pytest.mark.anyio

PICTURES = noise(64, 24, seed=3)
BAD = Pixels(b"abc", 1, 1)


@pytest.fixture(scope="module")
def loaded() -> LoadedGit:
    return demo()


@pytest.fixture(scope="module")
def expected(loaded: LoadedGit) -> list[str]:
    return [loaded.text(token_ids) for token_ids in reference(loaded.git, PICTURES)]


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the batches that were encoded, the warm-up's included."""
    sizes: list[int] = []
    encode = PrefixEncoder.encode

    def counted(self: PrefixEncoder, pictures: torch.Tensor) -> list[torch.Tensor]:
        sizes.append(len(pictures))
        return encode(self, pictures)

    monkeypatch.setattr(PrefixEncoder, "encode", counted)
    return sizes


@pytest.fixture
def engine(loaded: LoadedGit) -> Iterator[DescriberEngine]:
    """Not started: what is submitted before waits together."""
    engine = DescriberEngine(loaded, max_rows=8, max_waiting=24)
    yield engine
    engine.close()


async def submitted(
    engine: DescriberEngine, pictures: Sequence[Pixels]
) -> list[asyncio.Task[Described]]:
    tasks = [asyncio.create_task(engine.describe(picture)) for picture in pictures]
    await asyncio.sleep(0)
    return tasks


async def test_more_than_fit_are_all_described(
    engine: DescriberEngine, expected: list[str]
) -> None:
    tasks = await submitted(engine, PICTURES)
    engine.start()
    described = await asyncio.gather(*tasks)
    assert [each.description.text for each in described] == expected
    assert described[-1].queue_s > described[0].queue_s
    assert all(each.describe_s > 0 for each in described)


async def test_a_batch_changes_no_description_of_callers_and_ends_beside_them(
    loaded: LoadedGit, expected: list[str]
) -> None:
    share = BatchShare(places=4, patience_s=0.1)
    engine = DescriberEngine(loaded, max_rows=4, max_waiting=48, batches=share)
    classes: tuple[RequestClass, ...] = ("batch", "online")
    tasks = [
        asyncio.create_task(engine.describe(picture, request_class))
        for picture in PICTURES
        for request_class in classes
    ]
    await asyncio.sleep(0)
    engine.start()
    try:
        described = await asyncio.gather(*tasks)
    finally:
        engine.close()
    texts = [each.description.text for each in described]
    assert texts[::2] == texts[1::2] == expected


async def test_what_waits_is_encoded_together(engine: DescriberEngine, encoded: list[int]) -> None:
    tasks = await submitted(engine, PICTURES[:5])
    engine.start()
    await asyncio.gather(*tasks)
    assert encoded[-1] == 5


async def test_rows_that_come_free_one_by_one_are_filled_together(
    engine: DescriberEngine, encoded: list[int]
) -> None:
    tasks = await submitted(engine, PICTURES)
    engine.start()
    await asyncio.gather(*tasks)
    passes = encoded[encoded.index(8, 2) :]  # without those of the warm-up and the probe
    assert sum(passes) == len(PICTURES)
    assert min(passes[:-1]) >= 2  # a quarter of the rows that go on


async def test_one_bad_picture_fails_alone(engine: DescriberEngine, expected: list[str]) -> None:
    tasks = await submitted(engine, [PICTURES[0], BAD, PICTURES[1]])
    engine.start()
    first, bad, second = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(first, Described)
    assert isinstance(bad, ValueError)
    assert isinstance(second, Described)
    assert [first.description.text, second.description.text] == expected[:2]


async def test_a_picture_that_the_encoder_cannot_take_fails_alone(
    engine: DescriberEngine, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = engine._encoder.encode
    bad = Pixels(bytes(64 * 64 * 3), 64, 64)

    def choosy(pictures: torch.Tensor) -> list[torch.Tensor]:
        if any(not picture.any() for picture in pictures):
            raise RuntimeError("black")
        return encode(pictures)

    tasks = await submitted(engine, [PICTURES[0], bad, PICTURES[1]])
    monkeypatch.setattr(engine, "_warm_up", lambda: None)  # with black pictures
    monkeypatch.setattr(engine._encoder, "encode", choosy)
    engine.start()
    first, error, second = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(error, EngineFailure)
    assert [d.description.text for d in (first, second) if isinstance(d, Described)] == expected[:2]


async def test_a_picture_whose_caller_has_gone_is_left_out(
    engine: DescriberEngine, encoded: list[int]
) -> None:
    gone, stayed = await submitted(engine, PICTURES[:2])
    gone.cancel()
    await asyncio.sleep(0)
    engine.start()
    await stayed
    assert encoded[-1] == 1
    assert gone.cancelled()


async def test_a_place_in_memory_is_used_again(loaded: LoadedGit, expected: list[str]) -> None:
    engine = DescriberEngine(loaded, max_rows=2, max_waiting=3)
    engine.start()
    for number in range(12):
        tasks = await submitted(engine, [PICTURES[number], BAD, PICTURES[number + 1]])
        tasks[2].cancel()  # before it joins, or after
        described = await tasks[0]
        assert described.description.text == expected[number]
        await asyncio.gather(*tasks, return_exceptions=True)
    engine.close()


async def test_too_many_are_refused(engine: DescriberEngine) -> None:
    tasks = await submitted(engine, PICTURES)
    with pytest.raises(Overloaded):
        await engine.describe(PICTURES[0])
    engine.start()
    await asyncio.gather(*tasks)


async def test_the_end_fails_what_waits(loaded: LoadedGit) -> None:
    engine = DescriberEngine(loaded, max_rows=8, max_waiting=24)
    tasks = await submitted(engine, PICTURES[:3])
    engine.close()
    for task in tasks:
        with pytest.raises(NotReady):
            await task
    with pytest.raises(NotReady):
        await engine.describe(PICTURES[0])


async def test_its_load_tells_who_waits_and_how_large_its_batches_were(
    engine: DescriberEngine,
) -> None:
    tasks = await submitted(engine, PICTURES[:10])
    assert (engine.load().rows, engine.load().waiting) == (0, 10)
    engine.start()
    await asyncio.gather(*tasks)
    load = engine.load()
    assert (load.rows, load.waiting) == (0, 0)
    assert load.joins.total == 10
    assert load.joins.counts[load.joins.bounds.index(8)] >= 1
    assert sum(load.steps.counts) > 1
