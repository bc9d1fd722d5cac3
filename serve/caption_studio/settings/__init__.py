"""Every setting, with its unit in its name and its reason beside it.

Built once, at the entry point, by `Settings.load`; passed down, never looked up. A value
comes from, in this order: a `CAPTION_STUDIO_…` variable (nested names joined by two
underscores: `CAPTION_STUDIO_VISION__MAX_BATCH_SIZE=32`), the `args` of the application in
the Serve config file, the default in its section. The defaults are the embedded demo.
"""

from caption_studio.settings.aliases import AliasSettings, TargetSettings
from caption_studio.settings.batches import BatchSettings
from caption_studio.settings.embedded import EMBEDDED_MODELS_DIR, EMBEDDED_PREFIX, model_location
from caption_studio.settings.gateway import GatewaySettings
from caption_studio.settings.images import ImageSettings
from caption_studio.settings.language import AdapterSettings, LanguageSettings
from caption_studio.settings.loading import Settings
from caption_studio.settings.observability import LoggingSettings, TracingSettings
from caption_studio.settings.scaling import ScalingSettings, StageScaling
from caption_studio.settings.vision import VisionSettings
from caption_studio.settings.voices import ControlSettings, GuardSettings, VoiceSettings

__all__ = [
    "EMBEDDED_MODELS_DIR",
    "EMBEDDED_PREFIX",
    "AdapterSettings",
    "AliasSettings",
    "BatchSettings",
    "ControlSettings",
    "GatewaySettings",
    "GuardSettings",
    "ImageSettings",
    "LanguageSettings",
    "LoggingSettings",
    "ScalingSettings",
    "Settings",
    "StageScaling",
    "TargetSettings",
    "TracingSettings",
    "VisionSettings",
    "VoiceSettings",
    "model_location",
]
