"""What several gateways know of aliases, over one store in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from caption_studio.deployments.shared import alias_registry, shared_list
from caption_studio.deployments.shared.alias_registry import RunTimeAliases
from caption_studio.errors import (
    AliasExists,
    AliasIsConfigured,
    InvalidAlias,
    ModelNotFound,
    NotReady,
)
from caption_studio.observability.metrics import Metrics
from caption_studio.records import Alias, Target
from caption_studio.settings import AliasSettings, Settings, TargetSettings
from caption_studio.snapshots import Snapshots
from caption_studio.voices.aliases import ConfiguredAliases
from tests.fakes import FakeRegistry, FakeVoices
from tests.unit.deployments.shared.test_adapter_registry import Store, models_in

pytestmark = pytest.mark.anyio

BOTH = Alias("both", (Target("caption-demo", 90.0), Target("caption-demo-plain", 10.5)), "Two")
GIVEN = Alias("given", (Target("caption-demo", 1.0),), configured=True)
SETTINGS = Settings(
    aliases=(AliasSettings(id="given", targets=(TargetSettings(model="caption-demo", weight=1),)),)
)


@asynccontextmanager
async def gateway(
    store: Store, metrics: Metrics | None = None, settings: Settings = SETTINGS
) -> AsyncIterator[RunTimeAliases]:
    counted, voices = metrics or Metrics(), FakeVoices(FakeRegistry(), *settings.voices)

    def drop_series() -> None:
        known = {voice.id for voice in voices.listed()} | {one.id for one in aliases.listed()}
        counted.drop_models(known.__contains__)

    configured = ConfiguredAliases(settings, voices)
    aliases = RunTimeAliases(configured, voices, Snapshots(store), drop_series)
    await aliases.start()
    try:
        yield aliases
    finally:
        await aliases.close()


async def test_an_alias_set_through_one_gateway_is_known_to_all_at_once_and_whole() -> None:
    store = Store()
    async with gateway(store) as one, gateway(store) as other:
        await one.set(BOTH)
        assert await other.find("both") == BOTH
        assert other.listed() == (GIVEN, BOTH)
    async with gateway(store) as later:
        assert later.listed() == (GIVEN, BOTH)


async def test_one_that_is_set_anew_is_followed_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_list, "REFRESH_S", 0.01)
    store = Store()
    back = replace(BOTH, targets=BOTH.targets[:1])
    async with gateway(store) as one, gateway(store) as other:
        await one.set(BOTH)
        assert await other.find("both") == BOTH
        await one.set(back)
        assert one.listed() == (GIVEN, back)
        for _ in range(500):
            if await other.find("both") == back:
                break
            await asyncio.sleep(0.01)
        assert await other.find("both") == back


async def test_models_and_aliases_are_found_without_a_look_and_others_with_one() -> None:
    store = Store()
    async with gateway(store) as aliases:
        await aliases.set(BOTH)
        looks = store.lists
        assert await aliases.find("both") == BOTH
        assert await aliases.find("given") == GIVEN
        assert await aliases.find("caption-demo") is None
        assert store.lists == looks
        with pytest.raises(ModelNotFound, match=r"caption-demo-plain, given, both\.$"):
            await aliases.find("nobody")
        store.failure = OSError("down")
        assert await aliases.find("both") == BOTH
        with pytest.raises(NotReady):
            await aliases.find("nobody")


async def test_an_alias_of_the_settings_may_be_set_anew_and_is_as_before_when_that_is_removed() -> (
    None
):
    async with gateway(Store()) as aliases:
        with pytest.raises(AliasIsConfigured) as refused:
            await aliases.remove("given")
        assert refused.value.param == "id"
        await aliases.set(replace(BOTH, id="given"))
        assert aliases.listed() == (replace(BOTH, id="given"),)
        await aliases.remove("given")
        assert aliases.listed() == (GIVEN,)
        with pytest.raises(ModelNotFound) as absent:
            await aliases.remove("nobody")
        assert absent.value.param == "id"


async def test_one_that_was_set_before_the_settings_had_a_model_with_its_id_gives_way() -> None:
    store = Store()
    async with gateway(store) as aliases:
        await aliases.set(replace(BOTH, id="loud"))
    loud = {"id": "loud", "adapter": "caption-demo"}
    async with gateway(store, settings=Settings.load({"voices": [loud]})) as later:
        assert later.listed() == ()
        assert await later.find("loud") is None


async def test_ids_are_taken_and_models_named_as_of_now() -> None:
    store = Store()
    async with gateway(store) as one, gateway(store) as other:
        await one.set(BOTH)
        for taken in ("both", "given"):
            with pytest.raises(AliasExists) as refused:
                await other.check_free(taken)
            assert refused.value.param == "id"
        await other.check_free("free")
        assert await other.naming("caption-demo") == ("given", "both")
        assert await other.naming("caption-demo-plain") == ("both",)
        await one.remove("both")
        assert await other.naming("caption-demo-plain") == ()


async def test_the_number_of_aliases_is_bounded_but_not_their_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(alias_registry, "MAX_ALIASES", 1)
    async with gateway(Store()) as aliases:
        await aliases.set(BOTH)
        await aliases.set(replace(BOTH, description="Changed"))
        with pytest.raises(InvalidAlias, match="remove one first"):
            await aliases.set(replace(BOTH, id="more"))


async def test_the_series_of_a_removed_alias_or_model_are_dropped() -> None:
    metrics = Metrics()
    async with gateway(Store(), metrics) as aliases:
        await aliases.set(BOTH)
        for alias, model in (("both", "caption-demo"), ("given", "gone"), ("given", "falcon-demo")):
            metrics.aliased(alias, model)
        await aliases.set(replace(BOTH, description="Changed"))  # drops what is not known
        assert models_in(metrics) == {"caption-demo", "falcon-demo"}
        await aliases.remove("both")
        assert models_in(metrics) == {"falcon-demo"}
