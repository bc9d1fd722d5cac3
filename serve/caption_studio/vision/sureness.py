"""Token probabilities and a picture's distance → confidence in its description, and familiarity.

What a model can tell depends on the files beside its weights: `confidence`, `familiarity`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from caption_studio.records import Description
from caption_studio.settings import VisionSettings
from caption_studio.vision.confidence import Calibration, mean_probability
from caption_studio.vision.familiarity import Familiarity


@dataclass(frozen=True, slots=True)
class Sureness:
    """How sure a model is of its descriptions.

    With `least_confidence`, a picture is unfamiliar if its description has less; with
    `familiarity`, if it is at more than the unit distance; with neither it is not known.
    """

    calibration: Calibration | None = None
    familiarity: Familiarity | None = None
    least_confidence: float | None = None

    @classmethod
    def load(cls, settings: VisionSettings, folder: Path, device: torch.device) -> Self:
        """Read what is beside the weights in `folder`."""
        calibration = Calibration.load(folder)
        if isinstance(settings.familiarity, float):
            return cls(calibration, None, settings.familiarity)
        auto = settings.familiarity == "auto"
        return cls(calibration, Familiarity.load(folder, device) if auto else None)

    def description(
        self, text: str, logprobs: Sequence[float], distance: Tensor | None
    ) -> Description:
        """Return the text with what is known of it; `distance` is the picture's, on the device."""
        if self.calibration is None:
            confidence = mean_probability(logprobs)
        else:
            confidence = self.calibration.confidence(logprobs)
        familiar: bool | None = None
        if self.least_confidence is not None:
            familiar = confidence >= self.least_confidence
        elif self.familiarity is not None and distance is not None:
            familiar = float(distance) <= 1
        return Description(text, confidence, familiar)
