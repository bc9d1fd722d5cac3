"""Recipe, machine and data → how the training runs here: micro-batch, checkpointing, time; pure.

Refused, with the arithmetic, where it cannot fit.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from caption_studio.training.failures import Refused
from caption_studio.training.finetune.machine import DTYPE_BYTES, Machine
from caption_studio.training.finetune.memory import Batch, Needs, Shape, in_words, needs
from caption_studio.training.finetune.packing import PACKED_TOKENS
from caption_studio.training.finetune.recipe import Recipe

WORTH_RECOMPUTING = 4
"""Captions: smaller micro-batches than this cost more time than computing activations again."""
EFFICIENCY = 0.4
"""The share of a large matrix product's rate that a training reaches; the rest is small work."""
NF4_SLOWDOWN = 1.3
"""Weights are unpacked at each pass."""
LAYER_S = 4e-3
"""A layer's share of a micro-batch that does not grow with its size, forward and backward."""


@dataclass(frozen=True, slots=True)
class Setup:
    """One step of the optimiser: `accumulation` micro-batches of `micro_batch` captions."""

    micro_batch: int
    accumulation: int
    checkpointing: bool

    def smaller(self) -> "Setup | None":
        """Return a set-up that takes less memory for the same step, or None if there is none."""
        batch_size = self.micro_batch * self.accumulation
        if self.micro_batch <= WORTH_RECOMPUTING and not self.checkpointing:
            return replace(self, checkpointing=True)
        if self.micro_batch == 1:
            return None
        micro = next(m for m in _divisors(batch_size) if m <= self.micro_batch // 2)
        return Setup(micro, batch_size // micro, self.checkpointing)


@dataclass(frozen=True, slots=True)
class Work:
    """What is computed, in tokens: the `longest` example's, and all `trained` on and `evaluated`.

    `examples` is how many the training reads, each as often as it comes.
    """

    longest: int
    trained: int
    examples: int
    evaluated: int


def fitting_setup(
    recipe: Recipe, machine: Machine, shape: Shape, longest: int, most: int | None = None
) -> tuple[Setup, Needs]:
    """Return the fastest set-up that fits, with its arithmetic; `most` captions at a time.

    Raises `Refused` if not even one caption at a time fits.
    """
    sizes = [m for m in _divisors(recipe.batch_size) if most is None or m <= most]
    worth = min(WORTH_RECOMPUTING, sizes[0])
    tried = [(m, False) for m in sizes if m >= worth] + [(m, True) for m in sizes]
    for micro, checkpointing in tried:
        taken = needs(
            shape,
            _batch(recipe, micro, longest),
            dtype_bytes=DTYPE_BYTES[machine.dtype],
            quantized=recipe.quantize is not None,
            checkpointing=checkpointing,
        )
        if taken.total <= machine.free_bytes:
            return Setup(micro, recipe.batch_size // micro, checkpointing), taken
    hint = "" if recipe.quantize else " --quantize nf4 takes a quarter for the base model."
    raise Refused(
        f"It does not fit: one caption of {longest} tokens at a time, with its activations "
        f"computed again, takes {taken}, and {machine.name} has {in_words(machine.free_bytes)} "
        f"free.{hint}"
    )


def predicted_s(recipe: Recipe, machine: Machine, shape: Shape, setup: Setup, work: Work) -> float:
    """Return the seconds that training and evaluations will take, roughly.

    A token takes two operations a weight forward, two backward (the base model's weights have
    no gradient), and two where it is computed again.
    """
    passes = work.trained * (3 if setup.checkpointing else 2) + work.evaluated
    flops = 2 * (shape.linear + shape.vocabulary * shape.width) * passes
    slowdown = NF4_SLOWDOWN if recipe.quantize else 1.0
    micro_batches = math.ceil(work.examples / setup.micro_batch)
    fixed_s = micro_batches * shape.layers * LAYER_S
    return slowdown * flops / (EFFICIENCY * machine.matmul_flops) + fixed_s


def work_of(
    lengths: Sequence[int], order: Sequence[Sequence[int]], validation: Sequence[int], times: int
) -> Work:
    """Return the work of training in this order, and of evaluating so many `times`."""
    trained = sum(lengths[index] for step in order for index in step)
    examples = sum(len(step) for step in order)
    return Work(max([*lengths, *validation]), trained, examples, times * sum(validation))


def duration(seconds: float) -> str:
    """Return seconds for people."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} minutes"
    return f"{seconds / 3600:.1f} hours"


def _batch(recipe: Recipe, micro: int, longest: int) -> Batch:
    """Return the largest micro-batch: so many examples, each as long as the longest."""
    if recipe.packing and longest < PACKED_TOKENS:
        return Batch(math.ceil(micro / (PACKED_TOKENS // longest)), PACKED_TOKENS)
    return Batch(micro, longest)


def _divisors(number: int) -> list[int]:
    """Return all, the largest first."""
    return [d for d in range(number, 0, -1) if number % d == 0]
