"""The voices of the settings and those added at run time, as every gateway knows them."""

from collections.abc import Callable, Mapping

from caption_studio.deployments.shared.shared_list import SharedList
from caption_studio.errors import InvalidVoice, ModelNotFound, VoiceExists, VoiceIsConfigured
from caption_studio.records import Voice
from caption_studio.snapshots import Snapshots
from caption_studio.voices.catalog import ConfiguredVoices

MAX_VOICES = 200
"""Limit on voices added at run time, because the whole list is stored as one small value."""


class RunTimeVoices:
    """`protocols.VoiceRegistry` over shared snapshots. Between `start` and `close`.

    `on_change` is called after each change of the list.
    """

    def __init__(
        self, configured: ConfiguredVoices, snapshots: Snapshots, on_change: Callable[[], None]
    ) -> None:
        self._configured = configured
        self._added = SharedList("voices", snapshots, Voice, on_change)
        self.start = self._added.start
        self.close = self._added.close

    def listed(self) -> tuple[Voice, ...]:
        """See `protocols.VoiceCatalog`."""
        return self._configured.listed_with(self._added.records)

    async def resolve(self, model: str) -> Voice:
        """See `protocols.VoiceCatalog`."""
        if model not in self._added.records or self._configured.knows(model):
            try:
                return await self._configured.resolve(model)
            except ModelNotFound:
                if await self._added.find(model) is None:
                    raise self._configured.not_found(model, self.listed()) from None
        added = self._added.records[model]
        await self._configured.check_writer(added)
        return added

    async def refresh(self) -> None:
        """See `protocols.VoiceRegistry`."""
        await self._added.refresh()

    async def check_free(self, voice_id: str) -> None:
        """See `protocols.VoiceRegistry`."""
        await self._added.refresh()
        if self._is_taken(voice_id, self._added.records):
            raise _exists(voice_id)

    async def add(self, voice: Voice) -> None:
        """See `protocols.VoiceRegistry`."""

        def added(voices: dict[str, Voice]) -> None:
            if self._is_taken(voice.id, voices):
                raise _exists(voice.id)
            if len(voices) >= MAX_VOICES:
                raise InvalidVoice(f"There are {MAX_VOICES} voices; remove one first.")
            voices[voice.id] = voice

        await self._added.change(added)

    async def remove(self, voice_id: str) -> None:
        """See `protocols.VoiceRegistry`."""
        await self._added.refresh()
        if voice_id not in self._added.records and self._configured.knows(voice_id):
            raise VoiceIsConfigured(
                "This voice stands in the settings, or is that of an adapter.", param="id"
            )

        def removed(voices: dict[str, Voice]) -> None:
            if voices.pop(voice_id, None) is None:
                raise self._configured.not_found(voice_id, tuple(voices.values()), param="id")

        await self._added.change(removed)

    def _is_taken(self, voice_id: str, added: Mapping[str, Voice]) -> bool:
        return voice_id in added or self._configured.knows(voice_id)


def _exists(voice_id: str) -> VoiceExists:
    return VoiceExists(f"There is a model {voice_id!r} already.", param="id")
