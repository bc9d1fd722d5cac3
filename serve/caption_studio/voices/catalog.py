"""The voices of the settings, and one for each adapter that has none of its own."""

from collections.abc import Mapping, Sequence

from caption_studio.errors import InvalidVoice, ModelNotFound
from caption_studio.language.adapters.configured import no_such_model
from caption_studio.protocols import AdapterCatalog
from caption_studio.records import Adapter, Controls, Voice
from caption_studio.settings import LanguageSettings, Settings, VoiceSettings
from caption_studio.voices.asked_again import refused
from caption_studio.voices.platforms import PLATFORMS
from caption_studio.voices.template import parse


def voice_of(settings: VoiceSettings, *, configured: bool = False) -> Voice:
    """Return the record of a voice. Raises `InvalidVoice`, naming the field."""
    if settings.template is not None:
        try:
            parse(settings.template)
        except ValueError as error:
            raise InvalidVoice(f"template: {error}", param="template") from error
    if settings.on_flag == "replace" and not settings.replacement.strip():
        raise InvalidVoice("on_flag: replace takes a replacement.", param="replacement")
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    controls = Controls(**settings.controls.model_dump())
    if controls.platform is not None and controls.platform not in PLATFORMS:
        known = ", ".join(PLATFORMS)
        raise InvalidVoice(f"platform must be one of {known}.", param="controls.platform")
    if (name := refused(controls, settings.trained)) is not None:
        raise InvalidVoice(
            f"{name} cannot be kept by a voice that was not trained for it.",
            param=f"controls.{name}",
        )
    return Voice(**{**values, "controls": controls, "configured": configured})


class ConfiguredVoices:
    """`protocols.VoiceCatalog` of the settings and of the adapters there are.

    Raises `ValueError` for a voice of the settings that is not valid.
    """

    def __init__(self, settings: Settings, adapters: AdapterCatalog) -> None:
        self._adapters = adapters
        base = settings.language.weights_id
        self._base_voice = Voice(base, base, _about_base(settings.language), configured=True)
        self._voices = {one.id: _configured(one) for one in settings.voices}

    def knows(self, model: str) -> bool:
        """Return whether it is a voice of the settings, the base model's, or an adapter's."""
        return (
            model in self._voices
            or model == self._base_voice.id
            or any(adapter.id == model for adapter in self._adapters.listed())
        )

    def listed(self) -> tuple[Voice, ...]:
        """See `protocols.VoiceCatalog`."""
        return self.listed_with({})

    def listed_with(self, added: Mapping[str, Voice]) -> tuple[Voice, ...]:
        """Return the voices, those in `added` at the end."""
        own = {voice.id: voice for voice in self._of_writers()}
        # One that was added before the settings had its id gives way to them.
        configured = own | self._voices
        others = (voice for voice in added.values() if voice.id not in configured)
        return (*configured.values(), *others)

    async def resolve(self, model: str) -> Voice:
        """See `protocols.VoiceCatalog`."""
        if (voice := self._voices.get(model)) is not None:
            return voice
        try:
            adapter = await self._adapters.resolve(model)
        except ModelNotFound:
            raise self.not_found(model, self.listed()) from None
        return self._base_voice if adapter is None else implied(adapter)

    async def check_writer(self, voice: Voice) -> None:
        """Raise `ModelNotFound` if a voice's adapter is gone; `NotReady`."""
        try:
            await self._adapters.resolve(voice.adapter)
        except ModelNotFound:
            raise adapter_gone(voice.id) from None

    def _of_writers(self) -> tuple[Voice, ...]:
        return (self._base_voice, *(implied(adapter) for adapter in self._adapters.listed()))

    def not_found(self, model: str, known: Sequence[Voice], param: str = "model") -> ModelNotFound:
        """Return the error for an unknown id."""
        return no_such_model(model, tuple(voice.id for voice in known), param)


def _configured(settings: VoiceSettings) -> Voice:
    try:
        return voice_of(settings, configured=True)
    except InvalidVoice as error:
        raise ValueError(f"voice {settings.id}: {error.message}") from None


def adapter_gone(voice_id: str) -> ModelNotFound:
    """Return the error for an added voice whose adapter the settings no longer have."""
    return ModelNotFound(f"The adapter of the voice {voice_id!r} is gone.", param="model")


def _about_base(settings: LanguageSettings) -> str:
    merged = settings.mode == "merged"
    return settings.adapters[0].description if merged else "The base model, without an adapter"


def implied(adapter: Adapter) -> Voice:
    """Return the voice of an adapter that has none of its own."""
    return Voice(adapter.id, adapter.id, adapter.description, configured=True)
