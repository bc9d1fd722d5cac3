"""The records of voices: what a caption should be like, and how far it was kept to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

OnFlag = Literal["refuse", "replace", "mark"]
"""What happens to a caption that a guard flags."""


@dataclass(frozen=True, slots=True)
class Controls:
    """A caller's wishes for a caption, each None or empty where there is none.

    `platform` is a key of `voices.platforms.PLATFORMS`. `length` is `short`, `medium` or `long`, or
    the most characters that the caption may have. `hashtags` is the exact number of hashtags, 0 for
    none. `language` is a BCP 47 tag. No word of `avoid` may stand in the caption.
    """

    platform: str | None = None
    tone: str | None = None
    length: str | int | None = None
    hashtags: int | None = None
    emoji: bool | None = None
    language: str | None = None
    avoid: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """A caption after its controls: `held` tells for each control by name whether it holds."""

    text: str
    held: Mapping[str, bool] = field(default_factory=dict)
