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
    """Wishes for a caption: `records.Controls`."""

    platform: str | None = Field(None, max_length=32, description="where it will be posted")
    tone: str | None = Field(None, min_length=1, max_length=32, description="such as playful")
    length: Literal["short", "medium", "long"] | Annotated[int, Field(ge=1, le=100_000)] | None = (
        Field(None, description="short, medium, long, or the most characters")
    )
    hashtags: int | None = Field(None, ge=0, le=30, description="how many; 0: none")
    emoji: bool | None = Field(None, description="whether there may be any, or should be")
    language: str | None = Field(
        None, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", description="as BCP 47 writes it"
    )
    avoid: tuple[AvoidedWord, ...] = Field((), max_length=64, description="words to leave out")


class VoiceSettings(Section):
    """One voice: `id` is what callers put into `model`."""

    id: str = Field(pattern=MODEL_ID)
    adapter: str = Field(description="id of the adapter that writes, or of the base model")
    description: str = Field("", max_length=200, description="one line, for people who choose")
    template: str | None = Field(
        None,
        max_length=4096,
        description="the prompt, with fields such as {description}; None: that of 2023",
    )
    cut: CutForm = Field(
        "quoted", description="the caption is the text between double quotes, or all of it"
    )
    trained: tuple[ControlName, ...] = Field(
        (), description="controls whose words the adapter was trained on"
    )
    controls: ControlSettings = Field(
        ControlSettings(), description="of a request that says nothing else"
    )
    max_tokens: int | None = Field(None, gt=0, description="None: caption_max_tokens")
    temperature: float | None = Field(None, ge=0, le=2, description="None: caption_temperature")
    top_p: float | None = Field(None, gt=0, le=1, description="None: caption_top_p")
    faithful: bool = Field(
        False, description="ask once more if the caption contradicts the description; English"
    )
    on_flag: OnFlag = Field(
        "mark", description="what happens to a caption or picture that a guard flags"
    )
    replacement: str = Field("", max_length=2000, description="the caption if on_flag is replace")


class GuardSettings(Section):
    """What no caption may say."""

    default_words: bool = Field(True, description="the English word list that comes with us")
    word_lists: tuple[Path, ...] = Field(
        (), description="further lists, one word a line; a file for each language"
    )
    moderation_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$",
        description="of a moderation endpoint in OpenAI's form, …/v1/moderations",
    )
    moderation_model: str = "omni-moderation-latest"
    moderation_api_key: HeaderSecret | None = None
    moderation_timeout_s: float = Field(5.0, gt=0)
