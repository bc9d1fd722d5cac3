"""Training scenes → labels of each patch, and a head that trains GIT's encoder on them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from transformers import GitForCausalLM

from caption_studio.demo.painter import subject_boxes
from caption_studio.demo.scenes import SUBJECTS, Pool, sample_scene
from caption_studio.demo.subjects import COLOURS

_SUBJECTS = list(SUBJECTS)
_COLOURS = list(COLOURS)


def hints_of(seeds: Sequence[int], side: int) -> torch.Tensor:
    """Return the labels of each patch of the training pictures: int64 [N, 3, side, side].

    The three labels are indices of subject, colour and count; 0 is background.
    """
    middles = (np.arange(side) + 0.5) / side
    hints = np.zeros((len(seeds), 3, side, side), dtype=np.int64)
    for hint, seed in zip(hints, seeds, strict=True):
        scene = sample_scene(seed, Pool.TRAINING)
        kinds = (_SUBJECTS.index(scene.subject), _COLOURS.index(scene.colour), scene.count - 1)
        for left, top, right, bottom in subject_boxes(scene, seed):
            rows = (top < middles) & (middles < bottom)
            columns = (left < middles) & (middles < right)
            hint[:, rows[:, None] & columns] = np.array(kinds)[:, None] + 1
    return torch.from_numpy(hints)


class Hints(torch.nn.Module):
    """A linear head on the encoder's patches, for training only; it is not saved.

    It teaches the encoder directly the content of each patch. From the descriptions alone the
    encoder learns it several times more slowly.
    """

    def __init__(self, model: GitForCausalLM, width: int) -> None:
        super().__init__()
        self.sizes = (len(_SUBJECTS) + 1, len(_COLOURS) + 1, 4)
        self.reading = torch.nn.Linear(width, sum(self.sizes))
        self.seen: torch.Tensor | None = None
        model.git.image_encoder.register_forward_hook(self._keep)

    def _keep(self, module: Any, inputs: Any, output: Any) -> None:
        self.seen = output.last_hidden_state[:, 1:]

    def loss(self, hints: torch.Tensor) -> torch.Tensor:
        """Return the mean cross-entropy of the last batch's patches, background weighted less."""
        if self.seen is None:
            raise RuntimeError("the encoder has not run yet")
        total = torch.zeros(())
        for logits, wanted in zip(
            self.reading(self.seen).split(self.sizes, dim=-1), hints.unbind(1), strict=True
        ):
            weights = torch.ones(logits.shape[-1])
            weights[0] = 0.2
            total = total + functional.cross_entropy(
                logits.flatten(0, 1), wanted.flatten(), weights
            )
        return total / len(self.sizes)
