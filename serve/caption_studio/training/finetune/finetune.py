"""A data set and a base model → a folder with an adapter; the whole story on one page."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from caption_studio.training.base import tokenizer_of
from caption_studio.training.failures import Interrupted, Refused
from caption_studio.training.finetune import adapter, base, card, checkpoints, plot
from caption_studio.training.finetune.callbacks import (
    BestCheckpoint,
    Samples,
    StopOnSignal,
    Watch,
)
from caption_studio.training.finetune.job import Job, Limits
from caption_studio.training.finetune.journal import NAME as LOG
from caption_studio.training.finetune.journal import Journal
from caption_studio.training.finetune.machine import this_machine
from caption_studio.training.finetune.memory import Shape
from caption_studio.training.finetune.out_of_memory import with_less_memory
from caption_studio.training.finetune.preparation import (
    SERVED_RANK,
    Lesson,
    lesson_of,
    setup_of,
)
from caption_studio.training.finetune.run_folder import RunFolder, full_disk_said
from caption_studio.training.finetune.setup import Setup
from caption_studio.training.finetune.trainer import Loaded, Way, deterministic, trainer_of

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Result:
    """A finished adapter in figures: `loss` is the mean of the last 50 steps' losses."""

    parameters: int
    steps: int
    loss: float
    validation_loss: float
    best_step: int
    total_s: float


def finetune(
    job: Job,
    say: Say,
    *,
    resume: bool = False,
    limits: Limits | None = None,
    stop: Event | None = None,
) -> Result:
    """Train, check and write the adapter into the job's folder.

    `say` takes progress, a sentence at a time. Once `stop` is set, the step in hand is the last.

    Raises:
        Refused: the folder is in use, nothing is there to go on with, the data are too few or
            too long, or the machine is too small.
        Interrupted: it was stopped, or failed; `resume` goes on from the last checkpoint.
    """
    folder, limits = job.require_place(resume=resume), limits or Limits()
    tokenizer = tokenizer_of(job.base)
    lesson = lesson_of(job, tokenizer)
    shape = Shape.of(job.base.config, job.recipe.rank, job.recipe.target_modules)
    with deterministic(), full_disk_said(job.folder):
        machine = this_machine(shape.width)
        setup = setup_of(job, lesson, shape, machine, limits, say)
        with folder.held():
            job.require_place(resume=resume)  # another process may have been here meanwhile
            folder.begin(job.kept(limits))

            def attempt(less: Setup) -> tuple[Way, Any]:
                way = Way(job.recipe, less, machine)
                return way, _train(job, tokenizer, lesson, way, say, stop or Event())

            try:
                way, model = with_less_memory(attempt, setup, say)
            except Refused as error:  # the base model's weights
                if resume or (job.folder / LOG).exists():
                    raise Interrupted(str(error)) from error
                folder.abandon()
                raise
            result = _write(job, lesson, way, shape, model)
            folder.finish()
    return result


def _train(job: Job, tokenizer: Any, lesson: Lesson, way: Way, say: Say, stop: Event) -> Any:
    """Return PEFT's model with the weights of the best step. Raises `Interrupted` if stopped."""
    folder = RunFolder(job.folder)
    checkpoint = checkpoints.last_whole(folder.checkpoints)
    if checkpoint:
        say(f"Going on after step {checkpoints.step_of(checkpoint)}.")
    model = base.load(job.base, way.machine, job.recipe.quantize)
    samples = Samples(tokenizer, job.data.validation)
    watch = Watch(Journal(job.folder), lesson.tokens, samples, say)
    trainer = trainer_of(
        Loaded(model, tokenizer, job.base.folder),
        lesson,
        way,
        folder.checkpoints.resolve(),
        resumes=checkpoint is not None,
        callbacks=[watch, BestCheckpoint(), StopOnSignal(stop)],
    )
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if trainer.state.global_step < lesson.steps:
        raise Interrupted(f"Stopped after step {trainer.state.global_step} of {lesson.steps}.")
    _require_best(trainer.state.best_model_checkpoint, Journal(job.folder))
    return trainer.model


def _require_best(loaded: str | None, journal: Journal) -> None:
    """Raise `Interrupted` if another checkpoint was loaded than that of the log's best step."""
    best, _ = journal.read().best()
    if loaded is None or checkpoints.step_of(Path(loaded)) != best:
        raise Interrupted(
            f"The checkpoint of the best step, {best}, is not there any more.", can_resume=False
        )


def _write(job: Job, lesson: Lesson, way: Way, shape: Shape, model: Any) -> Result:
    """Write what comes out: the adapter, if the service would take it, its card and its plot."""
    history = Journal(job.folder).read()
    best_step, validation_loss = history.best()
    adapter.save(model, job.base, job.folder, max(job.recipe.rank, SERVED_RANK))
    trained = card.Trained(
        steps=lesson.steps,
        learning_rate=job.recipe.peak_learning_rate(shape.width),
        warmup_steps=job.recipe.warmup(lesson.steps),
        setup=way.setup,
        machine=way.machine.name,
        dtype=way.machine.dtype,
        adapter_parameters=shape.adapter,
        left_out=lesson.left_out,
        licence=job.licence,
        history=history,
    )
    text = card.model_card(job.folder.name, job.base, job.data, job.recipe, trained)
    (job.folder / card.NAME).write_text(text, encoding="utf-8")
    plot.draw(history, job.folder / plot.NAME)
    return Result(
        parameters=shape.adapter,
        steps=lesson.steps,
        loss=history.last_loss(),
        validation_loss=validation_loss,
        best_step=best_step,
        total_s=history.time_s,
    )
