"""Aliases: names for models that may change while their callers do not."""

from pydantic import Field

from caption_studio.records import MODEL_ID
from caption_studio.settings.section import Section


class TargetSettings(Section):
    """One of the models that an alias names, and its weight among them."""

    model: str = Field(description="The id of a voice, an adapter or the base model.")
    weight: float = Field(
        gt=0,
        le=1_000_000,
        description="Its share of the callers is its weight / the sum of the weights.",
    )


class AliasSettings(Section):
    """One alias: a name for several models. It may be set anew at run time."""

    id: str = Field(pattern=MODEL_ID, description="What callers put into `model`.")
    targets: tuple[TargetSettings, ...] = Field(
        min_length=1, max_length=16, description="The models that it stands for, each once."
    )
    description: str = Field(
        "", max_length=200, description="One line for people who choose a model."
    )
