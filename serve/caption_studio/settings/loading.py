"""A config file's values and the environment → Settings."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from caption_studio.records import NO_BATCHES, BatchShare
from caption_studio.settings.aliases import AliasSettings
from caption_studio.settings.batches import BatchSettings
from caption_studio.settings.gateway import GatewaySettings
from caption_studio.settings.images import ImageSettings
from caption_studio.settings.language import LanguageSettings
from caption_studio.settings.observability import LoggingSettings, TracingSettings
from caption_studio.settings.scaling import ScalingSettings
from caption_studio.settings.vision import VisionSettings
from caption_studio.settings.voices import GuardSettings, VoiceSettings

PATIENCE_SHARE = 0.05
"""A request of a batch counts in an engine as one that came this share of a request's time later:
6 of 120 s, little beside the half of it in which a picture must be described."""


class Settings(BaseSettings):
    """All sections; frozen."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        env_prefix="CAPTION_STUDIO_",
        env_nested_delimiter="__",
    )

    images: ImageSettings = ImageSettings()
    vision: VisionSettings = VisionSettings()
    language: LanguageSettings = LanguageSettings()
    voices: tuple[VoiceSettings, ...] = ()
    aliases: tuple[AliasSettings, ...] = ()
    guards: GuardSettings = GuardSettings()
    gateway: GatewaySettings = GatewaySettings()
    # Not made at import: without a home folder its default is refused.
    batches: BatchSettings = Field(default_factory=BatchSettings)
    scaling: ScalingSettings = ScalingSettings()
    logging: LoggingSettings = LoggingSettings()
    tracing: TracingSettings = TracingSettings()

    @classmethod
    def load(cls, values: Mapping[str, Any] | None = None) -> Self:
        """Build the settings from a config file's `values`, overlaid by the environment.

        Raises `ValueError` for an unknown name, `pydantic.ValidationError` for a bad value or an
        unknown name within a section.
        """
        values = values or {}
        # As arguments of the class some names would change how the settings are read: `_env_file`.
        if unknown := [name for name in values if name not in cls.model_fields]:
            raise ValueError(f"{', '.join(map(str, unknown))}: no such setting")
        return cls(**values)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the environment above the config file, so that an operator can override it."""
        return env_settings, init_settings

    @model_validator(mode="after")
    def _merged_weights_take_no_adapters(self) -> Self:
        if self.language.mode == "merged" and self.gateway.has_admin:
            raise ValueError("mode: merged takes no adapters at run time: set no admin keys")
        return self

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        ids = self.model_ids
        if len(set(ids)) != len(ids):
            raise ValueError(f"model and adapter ids must differ from one another: {ids}")
        return self

    @model_validator(mode="after")
    def _voices_have_writers(self) -> Self:
        ids = [voice.id for voice in self.voices]
        if len(set(ids)) != len(ids):
            raise ValueError(f"the ids of voices must differ from one another: {ids}")
        for voice in self.voices:
            if voice.adapter not in self.model_ids:
                raise ValueError(
                    f"voice {voice.id}: its adapter must be one of {', '.join(self.model_ids)}"
                )
            if voice.id in self.model_ids and voice.id != voice.adapter:
                raise ValueError(f"voice {voice.id}: another model has this id")
        return self

    @model_validator(mode="after")
    def _aliases_name_models(self) -> Self:
        ids = [alias.id for alias in self.aliases]
        if len(set(ids)) != len(ids):
            raise ValueError(f"the ids of aliases must differ from one another: {ids}")
        for alias in self.aliases:
            if alias.id in self.caption_models:
                raise ValueError(f"alias {alias.id}: a model has this id")
            named = [target.model for target in alias.targets]
            if unknown := [model for model in named if model not in self.caption_models]:
                known = ", ".join(sorted(self.caption_models))
                raise ValueError(f"alias {alias.id}: {unknown[0]} is not one of {known}")
            if len(set(named)) != len(named):
                raise ValueError(f"alias {alias.id}: it may name a model once")
        return self

    @property
    def batch_size(self) -> int:
        """How many requests one replica of each stage works on at a time."""
        return min(self.vision.max_batch_size, self.language.max_num_seqs)

    @property
    def batch_share(self) -> BatchShare:
        """What one engine gives to requests of class `batch`; nothing where there can be none."""
        if self.batches.store is None and self.gateway.api_keys_file is None:
            return NO_BATCHES
        places = min(self.batches.max_in_flight, self.batch_size)
        return BatchShare(places, PATIENCE_SHARE * self.gateway.request_timeout_s)

    @property
    def largest_request_bytes(self) -> int:
        """What one request may have, its body and the uploaded pictures that it names."""
        edge = self.gateway
        pictures_bytes = edge.max_images * self.images.max_bytes
        return min(edge.max_body_bytes + pictures_bytes, edge.max_body_bytes_in_flight)

    @property
    def model_ids(self) -> tuple[str, ...]:
        """The configured ids, that of the weights first; others may be added at run time."""
        adapters = self.language.lora_adapters
        return (self.language.weights_id, *(adapter.id for adapter in adapters))

    @property
    def caption_models(self) -> frozenset[str]:
        """The configured ids of the base model, its adapters and the voices."""
        return frozenset((*self.model_ids, *(voice.id for voice in self.voices)))

    @property
    def default_caption_model(self) -> str:
        """The model of a request that has a picture and names none."""
        if self.voices:
            return self.voices[0].id
        adapters = self.language.lora_adapters
        return adapters[0].id if adapters else self.language.weights_id
