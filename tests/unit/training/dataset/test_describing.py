"""Descriptions come from a service or from an engine in this process."""

import asyncio

import pytest

from caption_studio.client.pictures import Picture, PictureFailed
from caption_studio.client.service import AllFail
from caption_studio.errors import EngineDied, EngineFailure
from caption_studio.records import Described, Description, Pixels
from caption_studio.training.dataset.describing import EngineDescriber, through_service
from tests.unit.training.dataset.world import World, described, encoded, picture

DATA = encoded(picture(1))


def by_service(url: str) -> str:
    async def run() -> str:
        async with through_service(url, None, 1) as describer:
            return await describer.describe(Picture("a.png", data=DATA))

    return asyncio.run(run())


def by_engine(answer: Described | Exception, data: bytes = DATA) -> str:
    async def engine(pixels: Pixels) -> Described:
        assert (pixels.height_px, pixels.width_px) == (32, 32)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return asyncio.run(EngineDescriber(engine, 32).describe(Picture("a.png", data=data)))


def test_a_service_says_what_is_in_a_picture(world: World) -> None:
    assert by_service(world.url) == described(DATA)
    assert world.described[0]["max_tokens"] == 1


def test_another_service_describes_nothing(world: World) -> None:
    world.describe = lambda _: None
    with pytest.raises(AllFail, match="no Caption Studio"):
        by_service(world.url)


def test_an_engine_gets_pixels_of_its_size() -> None:
    assert by_engine(Described(Description("a boat"), 0.0, 0.0)) == "a boat"


def test_an_engine_may_fail_on_one_picture_or_on_all() -> None:
    with pytest.raises(PictureFailed, match="not in a supported format"):
        by_engine(Described(Description("a boat"), 0.0, 0.0), b"text")
    with pytest.raises(PictureFailed, match="odd"):
        by_engine(EngineFailure("odd."))
    with pytest.raises(AllFail):
        by_engine(EngineDied("dead"))
