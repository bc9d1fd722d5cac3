"""A name for several models, which share its requests."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """A model that an alias names: the id of a voice, an adapter or the base model.

    Its share of the callers is its weight divided by the sum of the alias's weights.
    """

    model: str
    weight: float


@dataclass(frozen=True, slots=True)
class Alias:
    """An id that callers put into `model`, and the models one of which answers.

    `description` is for people. A `configured` alias is as the settings say; all others were set at
    run time.
    """

    id: str
    targets: tuple[Target, ...]
    description: str = ""
    configured: bool = False
