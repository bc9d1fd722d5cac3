"""What callers may put into `model`, as the gateways of one application share it."""

from dataclasses import dataclass

from ray import serve

from caption_studio.deployments.shared.adapter_registry import RunTimeAdapters
from caption_studio.deployments.shared.key_value import RayKeyValueStore
from caption_studio.deployments.shared.snapshots import Snapshots
from caption_studio.deployments.shared.voice_registry import RunTimeVoices
from caption_studio.gateway.admin import Administration, ReadUsage
from caption_studio.language.adapters.configured import ConfiguredAdapters
from caption_studio.observability.metrics import Metrics
from caption_studio.protocols import AdapterCatalog, Captioner, VoiceCatalog
from caption_studio.settings import Settings
from caption_studio.voices.catalog import ConfiguredVoices


@dataclass(frozen=True, slots=True)
class Models:
    """The adapters and the voices; those added at run time are None without administrators."""

    adapters: AdapterCatalog
    voices: VoiceCatalog
    added_adapters: RunTimeAdapters | None = None
    added_voices: RunTimeVoices | None = None

    def administration(self, captioner: Captioner, usage: ReadUsage) -> Administration | None:
        """Return what the administrators' routes need, None if there are none."""
        if self.added_adapters is None or self.added_voices is None:
            return None
        return Administration(captioner, self.added_adapters, self.added_voices, usage)


def models_of(settings: Settings, metrics: Metrics) -> Models:
    """Return those of this replica's application. Raises `ValueError` for bad voices."""
    configured = ConfiguredAdapters(settings.language)
    if not settings.gateway.has_admin:
        return Models(configured, ConfiguredVoices(settings, configured))

    def drop_series() -> None:
        known = {voice.id for voice in voices.listed()}
        metrics.drop_models(known.__contains__)

    adapters = RunTimeAdapters(configured, _snapshots("adapters"), drop_series)
    voices = RunTimeVoices(ConfiguredVoices(settings, adapters), _snapshots("voices"), drop_series)
    return Models(adapters, voices, adapters, voices)


def _snapshots(kind: str) -> Snapshots:
    return Snapshots(RayKeyValueStore(kind, serve.get_replica_context().app_name))
