"""What the describer returns."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Description:
    """What the describer saw, in plain English.

    `confidence` is the estimated probability that the text is right: see `vision.sureness`.
    `familiar` says whether the picture is like those that the describer was trained on. None: not
    known.
    """

    text: str
    confidence: float | None = None
    familiar: bool | None = None


CacheResult = Literal["off", "miss", "hit", "shared"]
"""How a description was obtained: `hit` was cached, `shared` was in progress for another."""


@dataclass(frozen=True, slots=True)
class Described:
    """A description with the seconds it took in the describer: waiting, then in the model."""

    description: Description
    queue_s: float
    describe_s: float
    cache: CacheResult = "off"
