"""The image encoder's first layer → how unlike the pictures of its training a picture is.

A model with a `familiarity.safetensors` beside its weights can tell; a model without it cannot. The
score is a Mahalanobis distance (Lee et al. 2018, arXiv 1807.03888), of the mean and the standard
deviation over the picture's patches. The first layer tells other pictures apart best: later ones
have learnt to make of every picture something that they can name (demo.sureness has the figures).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

FILE = "familiarity.safetensors"

RIDGE = 1e-3
"""Added to each variance, as a share of the mean variance: some directions hardly vary."""


def patch_statistics(hidden: Tensor) -> Tensor:
    """Return mean and standard deviation over the patches: float32 [pictures, 2 * hidden size].

    `hidden`: [pictures, tokens, hidden size]; the first token is of the whole picture.
    """
    patches = hidden[:, 1:].float()
    return torch.cat([patches.mean(1), patches.std(1, correction=0)], dim=1)


@dataclass(frozen=True, slots=True)
class Familiarity:
    """The distribution of `patch_statistics` in pictures like those of the training.

    Differences from `mean` [n] times `whitening` [n, n] vary equally in all directions. The unit of
    the distance is that beyond which a picture is unfamiliar.
    """

    mean: Tensor
    whitening: Tensor

    @classmethod
    def fit(cls, statistics: Tensor) -> Self:
        """Return the distribution of these pictures, [pictures, n]; its unit is not set yet."""
        values = statistics.double()
        variances, directions = torch.linalg.eigh(torch.cov(values.T))
        scale = (variances + RIDGE * variances.mean()).rsqrt()
        return cls(values.mean(0).float(), (directions * scale).float())

    def with_unit(self, distance: float) -> Self:
        """Return the same distribution with this distance as its unit."""
        return type(self)(self.mean, self.whitening / distance)

    def distances(self, statistics: Tensor) -> Tensor:
        """Return [pictures]; above 1 a picture is unfamiliar."""
        distances: Tensor = torch.linalg.vector_norm(
            (statistics - self.mean) @ self.whitening, dim=1
        )
        return distances

    def save(self, folder: Path) -> None:
        """Write `FILE` into a model's folder."""
        tensors = {"mean": self.mean, "whitening": self.whitening.contiguous()}
        save_file(tensors, folder / FILE)
        (folder / FILE).chmod(0o644)

    @classmethod
    def load(cls, folder: Path, device: torch.device) -> Self | None:
        """Return what `save` wrote; None if the folder has no such file."""
        if not (folder / FILE).is_file():
            return None
        return cls(**load_file(folder / FILE, device=str(device)))
