"""What a caption should be like, and how far it was kept to."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal

MODEL_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
"""What an id of ours looks like that callers put into `model`, as a regular expression."""

OnFlag = Literal["refuse", "replace", "mark"]
"""What happens to an answer whose caption or description a guard flags."""


ControlName = Literal["platform", "tone", "length", "hashtags", "emoji", "language", "avoid"]
"""The fields of `Controls`, in the order in which their words stand in a prompt."""


@dataclass(frozen=True, slots=True)
class Controls:
    """Wishes for a caption, each None or empty where there is none.

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

    @property
    def given(self) -> tuple[str, ...]:
        """The names of the controls that are set."""
        return tuple(one.name for one in fields(self) if getattr(self, one.name) not in (None, ()))


NO_CONTROLS = Controls()


@dataclass(frozen=True, slots=True)
class Kept:
    """A caption after its controls: `held` tells for each control by name whether it holds."""

    text: str
    held: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Marks:
    """What the checks found in one finished choice.

    `held` is that of `Kept`. `flagged` are the reasons of the guards. `faithful` is None where
    nobody looked.
    """

    held: Mapping[str, bool] = field(default_factory=dict)
    flagged: tuple[str, ...] = ()
    faithful: bool | None = None


CutForm = Literal["quoted", "whole"]
"""How the caption is cut out of the model's text: between its first double quotes, or whole."""


@dataclass(frozen=True, slots=True)
class Voice:
    """What the captions of one model id are like.

    `adapter` is the id of the adapter that writes, or of the base model. `template` is the prompt
    (voices.template), None for that of 2023. `trained` names the controls whose words the adapter
    was trained on. `controls` are those of a request that says nothing else. `max_tokens`,
    `temperature` and `top_p` are the same, None: the service's. With `faithful`, a caption that
    contradicts the description is written once more. `replacement` is the text that takes a flagged
    caption's place.
    """

    id: str
    adapter: str
    description: str = ""
    template: str | None = None
    cut: CutForm = "quoted"
    trained: tuple[str, ...] = ()
    controls: Controls = NO_CONTROLS
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    faithful: bool = False
    on_flag: OnFlag = "mark"
    replacement: str = ""
    configured: bool = False
