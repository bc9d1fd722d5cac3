"""A job → tokens in their order, and how they are trained on here; the arithmetic is said."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from caption_studio.settings import LanguageSettings
from caption_studio.training.failures import Refused
from caption_studio.training.finetune.examples import Encoded, encode, fitting
from caption_studio.training.finetune.job import Job, Limits
from caption_studio.training.finetune.machine import Machine
from caption_studio.training.finetune.memory import Shape, in_words
from caption_studio.training.finetune.order import training_order
from caption_studio.training.finetune.setup import (
    Setup,
    Work,
    duration,
    fitting_setup,
    predicted_s,
    work_of,
)

SERVED_RANK: int = LanguageSettings.model_fields["max_lora_rank"].default
"""The highest rank that the service takes, unless its settings say another."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is learnt: the training's examples in their order, and those of the validation.

    `left_out` examples of the training were too long.
    """

    training: Sequence[Encoded]
    order: Sequence[Sequence[int]]
    validation: Sequence[Encoded]
    left_out: int = 0

    @property
    def steps(self) -> int:
        """The steps of the optimiser."""
        return len(self.order)

    @property
    def tokens(self) -> list[int]:
        """The tokens that each step reads."""
        return [sum(len(self.training[index]) for index in step) for step in self.order]


def lesson_of(job: Job, tokenizer: Any) -> Lesson:
    """Return the job's data as tokens. Raises `Refused` if too few are short enough."""
    longest = job.base.config.max_position_embeddings
    encoded = encode(tokenizer, job.data.training)
    training = fitting(encoded, longest)
    validation = fitting(encode(tokenizer, job.data.validation), longest)
    if len(training) < 2 or not validation:
        raise Refused(f"{job.data.name} has too few rows of at most {longest} tokens.")
    order = training_order(
        [len(example) for example in training],
        steps=job.recipe.number_of_steps(len(training)),
        batch_size=job.recipe.batch_size,
        seed=job.recipe.seed,
    )
    return Lesson(training, order, validation, len(encoded) - len(training))


def setup_of(
    job: Job,
    lesson: Lesson,
    shape: Shape,
    machine: Machine,
    limits: Limits,
    say: Callable[[str], None],
) -> Setup:
    """Return how the lesson is trained on this machine; say its memory and time.

    Raises `Refused`, with the arithmetic, if it does not fit.
    """
    recipe = job.recipe
    if recipe.packing and job.base.config.alibi:
        raise Refused(f"{job.base.id} has ALiBi, whose biases know nothing of packed captions.")
    evaluations = 1 + math.ceil(lesson.steps / recipe.evaluate_every(lesson.steps))
    work = work_of(
        [len(example) for example in lesson.training],
        lesson.order,
        [len(example) for example in lesson.validation],
        evaluations,
    )
    setup, taken = fitting_setup(recipe, machine, shape, work.longest, limits.micro_batch)
    time_s = predicted_s(recipe, machine, shape, setup, work)
    for line in _notes(recipe.rank, lesson):
        say(line)
    again = ", activations computed again" if setup.checkpointing else ""
    say(
        f"{len(lesson.training)} rows, {lesson.steps} steps of {recipe.batch_size} captions "
        f"({setup.micro_batch} at a time{again}), at most {work.longest} tokens each, on "
        f"{machine.name} in {machine.dtype}."
    )
    say(f"Memory: {taken} of {in_words(machine.free_bytes)} free. Time: {duration(time_s)}, about.")
    _require_time(work, machine, time_s, limits)
    return setup


def _notes(rank: int, lesson: Lesson) -> list[str]:
    notes = []
    if lesson.left_out:
        notes.append(f"{lesson.left_out} rows are too long for the base model: left out.")
    if rank > SERVED_RANK:
        notes.append(f"To serve it, set max_lora_rank to {rank} in the service's settings.")
    return notes


def _require_time(work: Work, machine: Machine, time_s: float, limits: Limits) -> None:
    if limits.hours is not None and time_s > limits.hours * 3600:
        raise Refused(
            f"It takes about {duration(time_s)}, over the {limits.hours:g} hours of --max-hours: "
            f"{work.trained:,} tokens to train on and {work.evaluated:,} to evaluate, on "
            f"{machine.name}, which multiplies at {machine.matmul_flops / 1e12:.2f} TFLOP/s."
        )
