"""What fails in the describer's engine, who hears of it, and that nobody waits for ever."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from caption_studio.errors import EngineDied, EngineFailure
from caption_studio.records import Described, Pixels
from caption_studio.vision.decode import Decoder
from caption_studio.vision.engine import DescriberEngine
from caption_studio.vision.git import LoadedGit
from tests.unit.vision.git_models import demo, noise, reference

pytestmark = pytest.mark.anyio

PICTURES = noise(64, 12, seed=3)
DEADLINE_S = 20.0


@pytest.fixture(scope="module")
def loaded() -> LoadedGit:
    return demo()


@pytest.fixture(scope="module")
def expected(loaded: LoadedGit) -> list[str]:
    return [loaded.text(token_ids) for token_ids in reference(loaded.git, PICTURES)]


@pytest.fixture
def engine(loaded: LoadedGit) -> Iterator[DescriberEngine]:
    """Started."""
    engine = DescriberEngine(loaded, max_rows=8, max_waiting=24)
    engine.start()
    yield engine
    engine.close()


def fail(*_: object, **__: object) -> Any:
    raise RuntimeError("CUDA error: secret")


async def outcomes(engine: DescriberEngine, pictures: list[Pixels]) -> list[Any]:
    """Ask for all at once; whatever happens, all must be answered in time."""
    async with asyncio.timeout(DEADLINE_S):
        asked = (engine.describe(picture) for picture in pictures)
        return await asyncio.gather(*asked, return_exceptions=True)


EVERYTHING_FAILS: dict[str, tuple[Callable[[DescriberEngine], object], str]] = {
    "encoder": (lambda engine: engine._encoder, "encode"),
    "join": (lambda engine: engine._decoder, "join"),
    "step": (lambda engine: engine._decoder, "step"),
    "forward": (lambda engine: engine._decoder, "_forward"),
    "drop": (lambda engine: engine._decoder, "drop"),
    "upload": (lambda engine: engine._slots, "put"),
    "gather": (lambda engine: engine._slots, "gather"),
    "tokenizer": (lambda engine: type(engine._loaded), "text"),
    "queue": (lambda engine: engine, "_take"),
    "free slots": (lambda engine: engine._slots, "give_back"),
}


@pytest.mark.parametrize("place", EVERYTHING_FAILS)
async def test_a_broken_engine_fails_all_it_has_and_says_so(
    engine: DescriberEngine, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    owner, name = EVERYTHING_FAILS[place]
    engine.check_health()
    monkeypatch.setattr(owner(engine), name, fail)
    for outcome in await outcomes(engine, PICTURES):
        assert isinstance(outcome, EngineDied)  # so that all are asked for again elsewhere
        assert "secret" not in outcome.message
    await asyncio.to_thread(engine._thread.join, DEADLINE_S)
    with pytest.raises(EngineDied):
        engine.check_health()
    with pytest.raises(EngineDied):
        await engine.describe(PICTURES[0])


async def test_a_row_that_fails_every_step_it_is_in_fails_alone(
    engine: DescriberEngine, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slots = poison(engine, monkeypatch, PICTURES[5])
    step = engine._decoder.step

    def choosy() -> Any:
        if any(row.key is not None and row.key.slot in slots for row in engine._decoder._rows):
            raise RuntimeError("a poisonous row")
        return step()

    monkeypatch.setattr(engine._decoder, "step", choosy)
    assert_only_the_fifth_failed(await outcomes(engine, PICTURES), expected)
    engine.check_health()


async def test_rows_that_fail_together_but_not_apart_are_all_described(
    engine: DescriberEngine, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    step = engine._decoder.step
    widths: list[int] = []

    def narrow() -> Any:
        widths.append(len(engine._decoder))
        if len(engine._decoder) > 2:
            raise torch.OutOfMemoryError("too many at once")
        return step()

    monkeypatch.setattr(engine._decoder, "step", narrow)
    described = await outcomes(engine, PICTURES)
    assert [each.description.text for each in described] == expected
    assert max(widths) > 2
    engine.check_health()


async def test_a_description_that_is_no_text_fails_alone(
    engine: DescriberEngine, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = LoadedGit.text

    def choosy(self: LoadedGit, token_ids: list[int]) -> str:
        found = text(self, token_ids)
        if found == expected[5]:
            raise UnicodeDecodeError("utf-8", b"", 0, 1, "no text")
        return found

    monkeypatch.setattr(LoadedGit, "text", choosy)
    for outcome, wanted in zip(await outcomes(engine, PICTURES), expected, strict=True):
        if wanted == expected[5]:
            assert isinstance(outcome, EngineFailure)
        else:
            assert outcome.description.text == wanted
    engine.check_health()


async def test_a_drop_that_fails_once_costs_nobody_their_answer(
    engine: DescriberEngine, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    drop, failed = Decoder.drop, threading.Event()

    def once(self: Decoder[Any], is_gone: Callable[[Any], bool]) -> list[Any]:
        if len(self) > 1 and not failed.is_set():
            failed.set()
            raise RuntimeError("once")
        return drop(self, is_gone)

    monkeypatch.setattr(Decoder, "drop", once)
    described = await outcomes(engine, PICTURES)
    assert failed.is_set()
    assert [each.description.text for each in described] == expected


async def test_a_row_that_a_failed_step_lost_is_answered(
    engine: DescriberEngine, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    remove, failed = Decoder._remove, threading.Event()

    def losing(self: Decoder[Any], leaves: Callable[[Any], bool]) -> Any:
        removed = remove(self, leaves)
        if removed and removed[0].key is not None and not failed.is_set():
            failed.set()
            raise RuntimeError("while a row was moved")
        return removed

    monkeypatch.setattr(Decoder, "_remove", losing)
    described = await outcomes(engine, PICTURES)
    assert failed.is_set()
    assert [each.description.text for each in described] == expected


async def test_an_engine_that_hangs_is_noticed_and_keeps_nobody_waiting(
    loaded: LoadedGit, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = DescriberEngine(loaded, max_rows=8, max_waiting=24, stall_s=0.0)
    engine.start()
    hangs, goes_on = threading.Event(), threading.Event()

    def hang() -> Any:
        hangs.set()
        goes_on.wait(DEADLINE_S)
        return []

    monkeypatch.setattr(engine._decoder, "step", hang)
    asked = asyncio.create_task(outcomes(engine, PICTURES[:1]))
    await asyncio.to_thread(hangs.wait, DEADLINE_S)
    with pytest.raises(EngineDied):
        engine.check_health()
    assert isinstance((await asked)[0], EngineDied)
    goes_on.set()
    engine.close()


def poison(engine: DescriberEngine, monkeypatch: pytest.MonkeyPatch, bad: Pixels) -> set[int]:
    """Return the slots that the bad picture is in, as it comes."""
    slots: set[int] = set()
    put = engine._slots.put

    def marked(pixels: Pixels) -> int:
        slot = put(pixels)
        (slots.add if pixels is bad else slots.discard)(slot)
        return slot

    monkeypatch.setattr(engine._slots, "put", marked)
    return slots


def assert_only_the_fifth_failed(described: list[Any], expected: list[str]) -> None:
    failure = described.pop(5)
    assert isinstance(failure, EngineFailure)
    assert not isinstance(failure, EngineDied)
    assert all(isinstance(each, Described) for each in described)
    assert [each.description.text for each in described] == expected[:5] + expected[6:]
