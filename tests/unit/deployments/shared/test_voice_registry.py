"""What several gateways know of voices, over one store in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from caption_studio.deployments.shared import voice_registry
from caption_studio.deployments.shared.voice_registry import RunTimeVoices
from caption_studio.errors import InvalidVoice, ModelNotFound, VoiceExists, VoiceIsConfigured
from caption_studio.records import Controls, Voice
from caption_studio.settings import Settings, VoiceSettings
from caption_studio.snapshots import Snapshots
from caption_studio.voices.catalog import ConfiguredVoices
from tests.fakes import FakeRegistry
from tests.unit.deployments.shared.test_adapter_registry import Store

pytestmark = pytest.mark.anyio

SHOUT = Voice(
    "shout",
    "caption-demo",
    "Loud",
    template="{description}!",
    trained=("hashtags",),
    controls=Controls(hashtags=2, avoid=("sea",)),
    temperature=0.5,
    on_flag="replace",
)
SETTINGS = Settings(voices=(VoiceSettings(id="calm", adapter="caption-demo-plain"),))


@asynccontextmanager
async def gateway(store: Store) -> AsyncIterator[RunTimeVoices]:
    configured = ConfiguredVoices(SETTINGS, FakeRegistry())
    voices = RunTimeVoices(configured, Snapshots(store), lambda: None)
    await voices.start()
    try:
        yield voices
    finally:
        await voices.close()


async def test_a_voice_added_through_one_gateway_is_known_to_all_at_once_and_whole() -> None:
    store = Store()
    async with gateway(store) as one, gateway(store) as other:
        await one.add(SHOUT)
        assert await other.resolve("shout") == SHOUT
        assert [voice.id for voice in other.listed()] == [
            "falcon-demo",
            "caption-demo",
            "caption-demo-plain",
            "calm",
            "shout",
        ]


async def test_a_voice_whose_adapter_is_gone_is_told_and_can_be_removed() -> None:
    """As after a start with settings that no longer have the adapter."""
    store = Store()
    for added_here in (True, False):
        async with gateway(store) as voices:
            if added_here:
                await voices.add(replace(SHOUT, adapter="gone"))
            with pytest.raises(ModelNotFound, match="adapter of the voice 'shout' is gone"):
                await voices.resolve("shout")
    async with gateway(store) as voices:
        await voices.remove("shout")
        assert "shout" not in {voice.id for voice in voices.listed()}


async def test_an_adapter_has_a_plain_voice_with_its_description() -> None:
    async with gateway(Store()) as voices:
        plain = await voices.resolve("caption-demo")
        assert (plain.adapter, plain.template, plain.controls) == ("caption-demo", None, Controls())
        assert plain.description.startswith("Lively")
        assert (await voices.resolve("calm")).adapter == "caption-demo-plain"


async def test_who_asks_for_an_unknown_voice_reads_which_there_are() -> None:
    async with gateway(Store()) as voices:
        await voices.add(SHOUT)
        with pytest.raises(ModelNotFound, match=r"calm, shout\.$"):
            await voices.resolve("nobody")


async def test_an_id_is_given_once_and_only_what_was_added_can_be_removed() -> None:
    store = Store()
    async with gateway(store) as one, gateway(store) as other:
        results = await asyncio.gather(one.add(SHOUT), other.add(SHOUT), return_exceptions=True)
        assert sorted(type(result).__name__ for result in results) == ["NoneType", "VoiceExists"]
        for taken in ("shout", "calm", "caption-demo", "falcon-demo"):
            with pytest.raises(VoiceExists):
                await other.check_free(taken)
        for configured in ("calm", "caption-demo", "falcon-demo"):
            with pytest.raises(VoiceIsConfigured):
                await other.remove(configured)
        await other.remove("shout")
        with pytest.raises(ModelNotFound):
            await other.remove("shout")


async def test_the_number_of_voices_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice_registry, "MAX_VOICES", 1)
    async with gateway(Store()) as voices:
        await voices.add(SHOUT)
        with pytest.raises(InvalidVoice):
            await voices.add(replace(SHOUT, id="more"))
