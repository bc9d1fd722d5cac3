"""Aliases: names for models that may change while their callers do not."""

from pydantic import Field

from caption_studio.records import MODEL_ID
from caption_studio.settings.section import Section


class TargetSettings(Section):
    """One of the models that an alias names, and its weight among them."""

    model: str = Field(description="id of a voice, an adapter or the base model")
    weight: float = Field(
        gt=0, le=1_000_000, allow_inf_nan=False, description="its share is weight / sum of weights"
    )


class AliasSettings(Section):
    """One alias: `id` is what callers put into `model`. It may be set anew at run time."""

    id: str = Field(pattern=MODEL_ID)
    targets: tuple[TargetSettings, ...] = Field(min_length=1, max_length=16)
    description: str = Field("", max_length=200, description="one line, for people who choose")
