"""What writes captions, and how their tokens are drawn; no model is here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from caption_studio.settings import LanguageSettings
from caption_studio.training.evaluation.measures.perplexity import Loss

SERVICE = LanguageSettings()
"""The service's own defaults, by which captions are drawn and ended here, too."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """How tokens are drawn; at temperature 0 the likeliest is taken."""

    temperature: float
    top_p: float = 1.0


GREEDY = Drawing(0.0)
SAMPLED = Drawing(SERVICE.caption_temperature, SERVICE.caption_top_p)


def nothing(number: int) -> None:
    """Take note of no batch."""


class Writer(Protocol):
    """Writes captions, and tells how likely it finds those of others."""

    @property
    def digest(self) -> str:
        """The SHA-256 of its adapter's files; empty for a base model."""

    def write(
        self,
        prompts: Sequence[str],
        drawing: Drawing,
        *,
        seed: int,
        wrote: Callable[[int], None] = nothing,
    ) -> list[str]:
        """Return the caption of each prompt; `wrote` is told of each batch by its size.

        Raises `EvaluationProblem` for a prompt that is too long.
        """

    def losses(self, prompts: Sequence[str], captions: Sequence[str]) -> list[Loss]:
        """Return the loss of each caption after its prompt. Raises as `write`."""


@dataclass(frozen=True, slots=True)
class Writers:
    """What was loaded: writers by their adapters' names, None for the base model itself."""

    base: str
    device: str
    by_adapter: Mapping[str | None, Writer]


Load = Callable[[Mapping[str, str], str | None, Path], Writers]
"""Loads adapters by name and source upon a base model, with a folder for their checked copies."""
