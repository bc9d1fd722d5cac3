"""The logarithms of a description's token probabilities → how likely it is to be right.

Without a calibration this is the tokens' geometric mean probability. A model with a
`confidence.json` beside its weights has one: a logistic curve (Platt scaling) over the least likely
token, fitted to which descriptions were right, of pictures that the training did not have. It
holds for pictures like those: see `familiarity`.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

FILE = "confidence.json"

_CERTAIN = 1e-6
"""Below this a logarithm is rounding."""


def mean_probability(logprobs: Sequence[float]) -> float:
    """Return the tokens' geometric mean probability, 0 to 1."""
    return math.exp(math.fsum(logprobs) / len(logprobs)) if logprobs else 0.0


def doubt(logprobs: Sequence[float]) -> float:
    """Return what is calibrated: how unlikely the least likely token is, on a logarithmic scale."""
    return math.log(max(-min(logprobs, default=-math.inf), _CERTAIN))


@dataclass(frozen=True, slots=True)
class Calibration:
    """The curve from `doubt` to confidence: the logistic function of a straight line."""

    slope: float
    intercept: float

    def confidence(self, logprobs: Sequence[float]) -> float:
        """Return the probability that a text of these tokens is right."""
        if not logprobs:
            return 0.0
        return 1 / (1 + math.exp(-self.slope * doubt(logprobs) - self.intercept))

    def save(self, folder: Path) -> None:
        """Write `FILE` into a model's folder."""
        (folder / FILE).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Return what `save` wrote; None if the folder has no such file."""
        path = folder / FILE
        return cls(**json.loads(path.read_text("utf-8"))) if path.is_file() else None
