"""The fakes keep the promises of the protocols."""

import pytest

from caption_studio.errors import EngineFailure
from caption_studio.protocols import Captioner, Describer, ImageLoader
from caption_studio.records import Prompt
from tests.fakes import FakeCaptioner, FakeDescriber, FakeLoader, sampling

PROMPT = Prompt("r", "m", "text", sampling(n=2), "quoted")


def test_they_are_what_the_pipeline_takes() -> None:
    stages: tuple[ImageLoader, Describer, Captioner] = (
        FakeLoader(),
        FakeDescriber(),
        FakeCaptioner(),
    )
    assert len(stages) == 3


@pytest.mark.anyio
async def test_whole_is_one_group_and_streamed_are_several() -> None:
    whole = [group async for group in FakeCaptioner().generate(PROMPT, stream=False)]
    assert [[d.text for d in group] for group in whole] == [["Sea you", "Sea you"]]
    streamed = [group async for group in FakeCaptioner().generate(PROMPT, stream=True)]
    assert len(streamed) == 2
    assert all(delta.finish_reason == "stop" for delta in streamed[-1])


@pytest.mark.anyio
async def test_a_failure_comes_where_it_was_asked_for() -> None:
    captioner = FakeCaptioner(failure=EngineFailure("no"), fail_after=1)
    groups = captioner.generate(PROMPT, stream=True)
    assert await anext(groups)
    with pytest.raises(EngineFailure):
        await anext(groups)
