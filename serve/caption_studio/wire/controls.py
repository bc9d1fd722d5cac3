"""The request's field `caption_studio` → Controls.

The names and meanings are those of `records.Controls`; which of them a voice can keep to is the
pipeline's business.
"""

from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, StrictBool, Tag
from pydantic_core import PydanticCustomError

from caption_studio.records import Controls
from caption_studio.wire.messages import In

LENGTHS = ("short", "medium", "long")
MAX_AVOIDED = 64
MAX_HASHTAGS = 30


def _length_tag(value: Any) -> str:
    return "@text" if isinstance(value, str) else "@number"


def _known_length(value: str) -> str:
    if value not in LENGTHS:
        raise PydanticCustomError(
            "not_supported", "must be 'short', 'medium', 'long' or the most characters"
        )
    return value


def _a_word(value: str) -> str:
    if not any(character.isalnum() for character in value):
        raise PydanticCustomError("not_supported", "must hold a letter or a digit")
    return value


Length = Annotated[
    Annotated[str, AfterValidator(_known_length), Tag("@text")]
    | Annotated[int, Field(ge=1, le=100_000), Tag("@number")],
    Discriminator(_length_tag),
]
Word = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_a_word)]
Short = Annotated[str, Field(min_length=1, max_length=32)]
Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]


class ControlsBody(In):
    """Wishes for the caption of a picture.

    `platform`: where it will be posted, such as `instagram`; `length`: `short`, `medium`, `long` or
    the most characters; `hashtags`: how many, 0 for none; `emoji`: whether there may be any;
    `language`: a BCP 47 tag; `avoid`: words to leave out.
    """

    platform: Short | None = None
    tone: Short | None = None
    length: Length | None = None
    hashtags: Annotated[int, Field(ge=0, le=MAX_HASHTAGS)] | None = None
    emoji: StrictBool | None = None
    language: Language | None = None
    avoid: Annotated[list[Word], Field(max_length=MAX_AVOIDED, fail_fast=True)] | None = None


def controls_of(body: ControlsBody | None) -> Controls:
    """Return the controls, none for none."""
    if body is None:
        return Controls()
    values = body.model_dump()
    return Controls(**{**values, "avoid": tuple(body.avoid or ())})
