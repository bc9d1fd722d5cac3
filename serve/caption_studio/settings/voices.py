"""Voices, and the guards of their captions."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from caption_studio.records import MODEL_ID, ControlName, CutForm, OnFlag
from caption_studio.settings.section import Section


def _a_word(value: str) -> str:
    if not any(character.isalnum() for character in value):
        raise ValueError("must hold a letter or a digit")
    return value


def _for_a_header(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]+", value.get_secret_value()):
        raise ValueError("must be visible ASCII characters, as an HTTP header takes them")
    return value


HeaderSecret = Annotated[SecretStr, AfterValidator(_for_a_header)]
AvoidedWord = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_a_word)]


class ControlSettings(Section):
    """Wishes for a caption, as a request's field `caption_studio` has them."""

    platform: str | None = Field(
        None, max_length=32, description="Where the caption will be posted, such as `x`."
    )
    tone: str | None = Field(
        None, min_length=1, max_length=32, description="The tone, such as `playful`."
    )
    length: Literal["short", "medium", "long"] | Annotated[int, Field(ge=1, le=100_000)] | None = (
        Field(None, description="`short`, `medium`, `long`, or the most characters.")
    )
    hashtags: int | None = Field(
        None, ge=0, le=30, description="How many hashtags the caption has; 0 for none."
    )
    emoji: bool | None = Field(None, description="True asks for emoji, false keeps them out.")
    language: str | None = Field(
        None,
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        description="The language, as a BCP 47 tag.",
    )
    avoid: tuple[AvoidedWord, ...] = Field(
        (), max_length=64, description="Words that the caption leaves out."
    )


class VoiceSettings(Section):
    """One voice: an adapter, a prompt template and what captions are held to."""

    id: str = Field(pattern=MODEL_ID, description="What callers put into `model`.")
    adapter: str = Field(description="The id of the adapter that writes, or of the base model.")
    description: str = Field(
        "", max_length=200, description="One line for people who choose a model."
    )
    template: str | None = Field(
        None,
        max_length=4096,
        description="The prompt, with fields such as `{description}`. Null takes the prompt of "
        "2023.",
    )
    cut: CutForm = Field(
        "quoted",
        description="Which part of the model's text is the caption: what stands between double "
        "quotes, or all of it.",
    )
    trained: tuple[ControlName, ...] = Field(
        (), description="Controls whose words the adapter was trained on."
    )
    controls: ControlSettings = Field(
        ControlSettings(), description="The controls of a request that sets none itself."
    )
    max_tokens: int | None = Field(
        None, gt=0, description="Tokens of a caption. Null takes `language.caption_max_tokens`."
    )
    temperature: float | None = Field(
        None, ge=0, le=2, description="Null takes `language.caption_temperature`."
    )
    top_p: float | None = Field(
        None, gt=0, le=1, description="Null takes `language.caption_top_p`."
    )
    faithful: bool = Field(
        False,
        description="Write a caption once more if it contradicts the description; for English.",
    )
    on_flag: OnFlag = Field(
        "mark", description="What happens to a caption or picture that a guard flags."
    )
    replacement: str = Field(
        "", max_length=2000, description="The caption instead, if `on_flag` is `replace`."
    )


class GuardSettings(Section):
    """What no caption may say."""

    default_words: bool = Field(True, description="Use the English word list that comes along.")
    word_lists: tuple[Path, ...] = Field(
        (), description="Further lists, one word a line; a file for each language."
    )
    moderation_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$",
        description="The address of a moderation endpoint in OpenAI's form, "
        "`https://host/v1/moderations`. With null none is asked.",
    )
    moderation_model: str = Field(
        "omni-moderation-latest", description="The model that the endpoint is asked for."
    )
    moderation_api_key: HeaderSecret | None = Field(None, description="The endpoint's key.")
    moderation_timeout_s: float = Field(
        5.0, gt=0, description="How long the endpoint may take to answer."
    )
