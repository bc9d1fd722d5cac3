"""Losses of the data's captions → perplexity per token, with its interval; pure."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

from caption_studio.training.evaluation.measures.intervals import Measure, ratio_interval

LEAST_PICTURES = 5
"""Of fewer pictures the bootstrap's interval is too narrow; of one it has no width."""


@dataclass(frozen=True, slots=True)
class Loss:
    """The negative log likelihood of one caption, in nats, and its number of tokens."""

    nats: float
    tokens: int


def perplexity(losses: Sequence[Loss], pictures: Sequence[str], *, seed: int) -> Measure:
    """Return the perplexity; captions of one picture are drawn together for the interval.

    `pictures` are the keys of the captions' pictures.
    """
    nats: dict[str, float] = defaultdict(float)
    tokens: dict[str, float] = defaultdict(float)
    for loss, picture in zip(losses, pictures, strict=True):
        nats[picture] += loss.nats
        tokens[picture] += loss.tokens
    value = sum(nats.values()) / sum(tokens.values())
    low, high = ratio_interval(list(nats.values()), list(tokens.values()), seed=seed)
    return Measure(exp(value), exp(low), exp(high), len(losses), "lower")
