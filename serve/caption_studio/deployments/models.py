"""What callers may put into `model`, as the gateways of one application share it."""

from dataclasses import dataclass

from ray import serve

from caption_studio.deployments.shared.adapter_registry import RunTimeAdapters
from caption_studio.deployments.shared.alias_registry import RunTimeAliases
from caption_studio.deployments.shared.key_value import RayKeyValueStore
from caption_studio.deployments.shared.voice_registry import RunTimeVoices
from caption_studio.gateway.admin import Administration, ReadUsage
from caption_studio.language.adapters.configured import ConfiguredAdapters
from caption_studio.observability.metrics import Metrics
from caption_studio.protocols import AdapterCatalog, AliasCatalog, Captioner, VoiceCatalog
from caption_studio.settings import Settings
from caption_studio.snapshots import Snapshots
from caption_studio.voices.aliases import ConfiguredAliases
from caption_studio.voices.catalog import ConfiguredVoices


@dataclass(frozen=True, slots=True)
class Models:
    """The adapters, voices and aliases; those of run time are None without administrators."""

    adapters: AdapterCatalog
    voices: VoiceCatalog
    aliases: AliasCatalog
    added_adapters: RunTimeAdapters | None = None
    added_voices: RunTimeVoices | None = None
    set_aliases: RunTimeAliases | None = None

    def administration(self, captioner: Captioner, usage: ReadUsage) -> Administration | None:
        """Return what the administrators' routes need, None if there are none."""
        adapters, voices, aliases = self.added_adapters, self.added_voices, self.set_aliases
        if adapters is None or voices is None or aliases is None:
            return None
        return Administration(captioner, adapters, voices, aliases, usage)


def models_of(settings: Settings, metrics: Metrics) -> Models:
    """Return those of this replica's application. Raises `ValueError` for bad voices."""
    configured = ConfiguredAdapters(settings.language)
    if not settings.gateway.has_admin:
        spoken = ConfiguredVoices(settings, configured)
        return Models(configured, spoken, ConfiguredAliases(settings, spoken))

    def drop_series() -> None:
        known = {voice.id for voice in voices.listed()} | {one.id for one in aliases.listed()}
        metrics.drop_models(known.__contains__)

    adapters = RunTimeAdapters(configured, _snapshots("adapters"), drop_series)
    voices = RunTimeVoices(ConfiguredVoices(settings, adapters), _snapshots("voices"), drop_series)
    aliases = RunTimeAliases(
        ConfiguredAliases(settings, voices), voices, _snapshots("aliases"), drop_series
    )
    return Models(adapters, voices, aliases, adapters, voices, aliases)


def _snapshots(kind: str) -> Snapshots:
    return Snapshots(RayKeyValueStore(kind, serve.get_replica_context().app_name))
