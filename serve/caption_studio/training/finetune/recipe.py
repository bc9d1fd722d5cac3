"""The parameters of a fine-tuning, with the sources of their defaults; pure."""

import math
from dataclasses import dataclass
from typing import Literal

from caption_studio.training.failures import Refused

FALCON_7B_WIDTH = 4544
FALCON_7B_LEARNING_RATE = 2e-4
"""QLoRA, table 9 (https://arxiv.org/abs/2305.14314), which halves it for models twice as wide."""
MAX_LEARNING_RATE = 2.5e-3
"""The highest that was tried here, on the demo's base model."""
MAX_STEPS = 10_000_000
"""More would not end; their order alone fills the memory."""
SEEDS = 2**32
"""numpy takes seeds below it."""
WARMUP_SHARE = 0.03
"""QLoRA, appendix B.2."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an adapter is trained.

    Rank, alpha, dropout and target are those of the published captioning adapter of 2023, and
    `batch_size` (captions in one step of the optimiser) is QLoRA's (table 9). `epochs` is the
    default of transformers; `steps`, if given, counts instead of it. Without `learning_rate` it
    follows from the base model's width, without `warmup_steps` they are a share of all steps.
    `evaluations` are spread evenly over the training, the last one after the last step.
    """

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.05
    target_modules: tuple[str, ...] = ("query_key_value",)
    quantize: Literal["nf4"] | None = None
    epochs: float = 3.0
    steps: int | None = None
    batch_size: int = 16
    learning_rate: float | None = None
    warmup_steps: int | None = None
    max_gradient_norm: float = 1.0
    weight_decay: float = 0.0
    packing: bool = False
    evaluations: int = 10
    seed: int = 20_262

    def __post_init__(self) -> None:
        """Raise `Refused` for a number that cannot be."""
        positive = ("rank", "alpha", "batch_size", "evaluations", "epochs", "steps")
        for name in (*positive, "learning_rate", "max_gradient_norm"):
            value = getattr(self, name)
            if value is not None and not (value > 0 and math.isfinite(value)):
                raise Refused(f"{name} must be above 0, and it is {value}.")
        if not 0 <= self.dropout < 1:
            raise Refused(f"dropout must be at least 0 and below 1, and it is {self.dropout}.")
        for name in ("seed", "warmup_steps", "weight_decay"):
            if (getattr(self, name) or 0) < 0:
                raise Refused(f"{name} must be at least 0, and it is {getattr(self, name)}.")
        if self.seed >= SEEDS:
            raise Refused(f"seed must be below {SEEDS}, and it is {self.seed}.")

    def number_of_steps(self, rows: int) -> int:
        """Return the steps of the optimiser for so many rows of training.

        Raises `Refused` if they are too many.
        """
        steps = self.steps or self.epochs * rows / self.batch_size
        if steps > MAX_STEPS:
            raise Refused(f"It takes more than {MAX_STEPS:,} steps: give fewer steps or epochs.")
        return max(1, math.ceil(steps))

    def warmup(self, steps: int) -> int:
        """Return the steps in which the learning rate rises."""
        return math.ceil(WARMUP_SHARE * steps) if self.warmup_steps is None else self.warmup_steps

    def evaluate_every(self, steps: int) -> int:
        """Return the steps from one evaluation to the next."""
        return max(1, math.ceil(steps / self.evaluations))

    def peak_learning_rate(self, width: int) -> float:
        """Return the highest learning rate, for a base model whose hidden state is so wide."""
        if self.learning_rate is not None:
            return self.learning_rate
        return min(MAX_LEARNING_RATE, FALCON_7B_LEARNING_RATE * FALCON_7B_WIDTH / width)
