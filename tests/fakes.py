"""Stand-ins for the pipeline's stages, through the protocols; tested in unit/test_fakes.py."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from caption_studio.errors import (
    AdapterExists,
    AdapterIsConfigured,
    AliasExists,
    AliasIsConfigured,
    ModelNotFound,
    VoiceExists,
    VoiceIsConfigured,
)
from caption_studio.language.adapters.configured import ConfiguredAdapters
from caption_studio.language.answer import Choices
from caption_studio.protocols import AdapterCatalog, VoiceCatalog
from caption_studio.records import (
    Adapter,
    Alias,
    CaptionDelta,
    Described,
    Description,
    Loaded,
    Picture,
    Pixels,
    Prompt,
    RequestClass,
    Sampling,
    Structure,
    Voice,
)
from caption_studio.settings import AliasSettings, LanguageSettings, Settings, VoiceSettings
from caption_studio.voices.aliases import ConfiguredAliases
from caption_studio.voices.catalog import ConfiguredVoices

PIXEL = Pixels(b"\x10\x20\x30", height_px=1, width_px=1)


class FakeLoader:
    """Gives one pixel for every reference, or raises."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.loaded: list[Picture] = []

    async def load(self, picture: Picture) -> Loaded:
        if self.failure is not None:
            raise self.failure
        self.loaded.append(picture)
        return Loaded(PIXEL, fetch_s=0.25, decode_queue_s=0.125, decode_s=0.5)


class FakeDescriber:
    """Says the same of every picture, or raises."""

    def __init__(
        self, text: str = "a red boat", failure: Exception | None = None, ready: bool = True
    ) -> None:
        self.text = text
        self.failure = failure
        self.ready_failure = None if ready else failure
        self.calls = 0

    async def describe(
        self,
        pixels: Pixels,
        *,
        request_id: str,
        traceparent: str | None,
        request_class: RequestClass,
    ) -> Described:
        self.calls += 1
        if self.failure is not None:
            raise self.failure
        return Described(Description(self.text), queue_s=0.0, describe_s=0.0)

    async def check_ready(self) -> None:
        if self.ready_failure is not None:
            raise self.ready_failure


class FakeCaptioner:
    """Writes `pieces`, one token each, for every choice; raises `failure` after `fail_after`.

    What it yields has gone through the same cutter as a real engine's text.
    """

    queued = False

    def __init__(
        self,
        pieces: Sequence[str] = (' "Sea', ' you"', " and on"),
        *,
        failure: Exception | None = None,
        fail_after: int = 0,
    ) -> None:
        self.pieces = pieces
        self.failure = failure
        self.fail_after = fail_after
        self.prompts: list[Prompt] = []
        self.loaded: list[Adapter] = []
        self.load_failure: Exception | None = None
        self.closed = 0

    async def generate(
        self, prompt: Prompt, *, stream: bool
    ) -> AsyncGenerator[tuple[CaptionDelta, ...]]:
        self.prompts.append(prompt)
        choices = Choices(prompt, prompt_tokens=7, queued=self.queued)
        try:
            for number, piece in enumerate(self.pieces):
                if self.failure is not None and number == self.fail_after:
                    raise self.failure
                for index in range(prompt.sampling.n):
                    last = number == len(self.pieces) - 1
                    choices.feed(index, piece, 1, "stop" if last else None)
                if stream and choices.has_text:
                    yield choices.flush()
            if group := choices.flush():
                yield group
        finally:
            self.closed += 1

    async def load_adapter(self, adapter: Adapter) -> Adapter:
        if self.load_failure is not None:
            raise self.load_failure
        self.loaded.append(adapter)
        return replace(adapter, digest="d" * 64)

    async def check_ready(self) -> None:
        return None


class FakeStructures:
    """Takes every schema, or raises."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.checked: list[Structure] = []

    async def check(self, structure: Structure) -> None:
        self.checked.append(structure)
        if self.failure is not None:
            raise self.failure


class FakeRegistry:
    """The demo's adapters, and those added to it, in this process alone."""

    def __init__(self) -> None:
        self.configured = ConfiguredAdapters(LanguageSettings())
        self.added: dict[str, Adapter] = {}

    def listed(self) -> tuple[Adapter, ...]:
        return (*self.configured.listed(), *self.added.values())

    async def resolve(self, model: str) -> Adapter | None:
        if model in self.added:
            return self.added[model]
        return await self.configured.resolve(model)

    async def refresh(self) -> None:
        pass

    async def check_free(self, adapter_id: str) -> None:
        if self.configured.knows(adapter_id) or adapter_id in self.added:
            raise AdapterExists("there", param="id")

    async def add(self, adapter: Adapter) -> None:
        await self.check_free(adapter.id)
        self.added[adapter.id] = adapter

    async def remove(self, adapter_id: str) -> None:
        if self.configured.knows(adapter_id):
            raise AdapterIsConfigured("configured", param="id")
        if self.added.pop(adapter_id, None) is None:
            raise ModelNotFound("absent", param="id")


class FakeVoices:
    """The voices of the demo's adapters, and those added to them, in this process alone."""

    def __init__(self, adapters: AdapterCatalog, *configured: VoiceSettings) -> None:
        self.configured = ConfiguredVoices(Settings(voices=configured), adapters)
        self.added: dict[str, Voice] = {}

    def listed(self) -> tuple[Voice, ...]:
        return self.configured.listed_with(self.added)

    async def resolve(self, model: str) -> Voice:
        return self.added.get(model) or await self.configured.resolve(model)

    async def refresh(self) -> None:
        pass

    async def check_free(self, voice_id: str) -> None:
        if voice_id in {voice.id for voice in self.listed()}:
            raise VoiceExists("there", param="id")

    async def add(self, voice: Voice) -> None:
        await self.check_free(voice.id)
        self.added[voice.id] = voice

    async def remove(self, voice_id: str) -> None:
        if voice_id in {voice.id for voice in self.configured.listed()}:
            raise VoiceIsConfigured("configured", param="id")
        if self.added.pop(voice_id, None) is None:
            raise ModelNotFound("absent", param="id")


class FakeAliases:
    """These aliases, and those set since, in this process alone."""

    def __init__(self, voices: VoiceCatalog, *configured: AliasSettings) -> None:
        self.voices = voices
        self.configured = ConfiguredAliases(Settings(aliases=configured), voices)
        self.added: dict[str, Alias] = {}

    def listed(self) -> tuple[Alias, ...]:
        return self.configured.listed_with(self.added)

    async def find(self, model: str) -> Alias | None:
        if (alias := self.configured.known(model, self.added)) is not None:
            return alias
        try:
            await self.voices.resolve(model)
        except ModelNotFound:
            raise self.configured.not_found(model, self.listed()) from None
        return None

    async def check_free(self, model: str) -> None:
        if model in {alias.id for alias in self.listed()}:
            raise AliasExists("there", param="id")

    async def naming(self, model: str) -> tuple[str, ...]:
        return tuple(a.id for a in self.listed() if model in {t.model for t in a.targets})

    async def set(self, alias: Alias) -> None:
        self.added[alias.id] = alias

    async def remove(self, alias_id: str) -> None:
        if self.added.pop(alias_id, None) is None:
            if alias_id in {alias.id for alias in self.listed()}:
                raise AliasIsConfigured("configured", param="id")
            raise ModelNotFound("absent", param="id")


class FakeGuard:
    """Flags each text that holds one of its words."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.seen: list[str] = []

    async def flagged(self, texts: Sequence[str]) -> list[tuple[str, ...]]:
        self.seen += texts
        return [("word",) if any(word in text for word in self.words) else () for text in texts]


def sampling(**changes: object) -> Sampling:
    """Plain sampling options, with changes."""
    values: dict[str, object] = {"max_tokens": 20, "temperature": 0.0, "top_p": 1.0}
    return Sampling(**{**values, **changes})  # type: ignore[arg-type]
