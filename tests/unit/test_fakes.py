"""The fakes keep the promises of the protocols."""

import pytest

from caption_studio.errors import (
    AdapterExists,
    AdapterIsConfigured,
    AliasExists,
    AliasIsConfigured,
    EngineFailure,
    InvalidAdapter,
    InvalidValue,
    ModelNotFound,
)
from caption_studio.protocols import (
    AdapterRegistry,
    AliasRegistry,
    Captioner,
    Describer,
    ImageLoader,
    Structures,
)
from caption_studio.records import Adapter, Alias, Prompt, Structure, Target
from caption_studio.settings import AliasSettings, TargetSettings
from tests.fakes import (
    FakeAliases,
    FakeCaptioner,
    FakeDescriber,
    FakeLoader,
    FakeRegistry,
    FakeStructures,
    FakeVoices,
    sampling,
)

PROMPT = Prompt("r", "m", "text", sampling(n=2), "quoted")


def test_they_are_what_the_pipeline_takes() -> None:
    stages: tuple[ImageLoader, Describer, Captioner, AdapterRegistry, Structures] = (
        FakeLoader(),
        FakeDescriber(),
        FakeCaptioner(),
        FakeRegistry(),
        FakeStructures(),
    )
    assert len(stages) == 5


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


@pytest.mark.anyio
async def test_the_registry_is_the_demos_and_what_is_added() -> None:
    registry, late = FakeRegistry(), Adapter("late", "x/late")
    await registry.add(late)
    assert await registry.resolve("late") == registry.listed()[-1] == late
    assert await registry.resolve("falcon-demo") is None
    for taken in ("late", "caption-demo", "falcon-demo"):
        with pytest.raises(AdapterExists):
            await registry.check_free(taken)
    with pytest.raises(AdapterIsConfigured):
        await registry.remove("caption-demo")
    await registry.remove("late")
    with pytest.raises(ModelNotFound):
        await registry.remove("late")


@pytest.mark.anyio
async def test_the_aliases_are_those_given_and_those_set() -> None:
    given = AliasSettings(id="given", targets=(TargetSettings(model="caption-demo", weight=1),))
    aliases: AliasRegistry = FakeAliases(FakeVoices(FakeRegistry()), given)
    later = Alias("later", (Target("caption-demo-plain", 2.0),))
    await aliases.set(later)
    assert await aliases.find("later") == aliases.listed()[-1] == later
    assert await aliases.find("caption-demo") is None
    assert await aliases.naming("caption-demo") == ("given",)
    with pytest.raises(ModelNotFound):
        await aliases.find("nobody")
    with pytest.raises(AliasExists):
        await aliases.check_free("later")
    await aliases.remove("later")
    with pytest.raises(ModelNotFound):
        await aliases.remove("later")
    with pytest.raises(AliasIsConfigured):
        await aliases.remove("given")


@pytest.mark.anyio
async def test_the_captioner_loads_adapters_or_says_why_not() -> None:
    captioner = FakeCaptioner()
    assert (await captioner.load_adapter(Adapter("a", "x/a"))).digest
    captioner.load_failure = InvalidAdapter("no")
    with pytest.raises(InvalidAdapter):
        await captioner.load_adapter(Adapter("a", "x/a"))


@pytest.mark.anyio
async def test_a_structure_is_checked_or_refused() -> None:
    structure, structures = Structure("{}", "p"), FakeStructures()
    await structures.check(structure)
    assert structures.checked == [structure]
    structures.failure = InvalidValue("no")
    with pytest.raises(InvalidValue):
        await structures.check(structure)
