"""Interrupted trainings: what is kept, and that going on gives what would have come anyway."""

import json
from pathlib import Path
from threading import Event

import pytest

from caption_studio.training.base import find
from caption_studio.training.failures import Interrupted, Refused
from caption_studio.training.finetune.checkpoints import last_whole
from caption_studio.training.finetune.data import data_of
from caption_studio.training.finetune.finetune import Result, finetune
from caption_studio.training.finetune.job import Job, begun_in
from caption_studio.training.finetune.recipe import Recipe
from tests.unit.training.finetune.tiny import rows

RECIPE = Recipe(steps=6, batch_size=4, evaluations=3, dropout=0.1)


def job(base_folder: Path, folder: Path, recipe: Recipe = RECIPE) -> Job:
    return Job(data_of("bakery", rows(12, 2)), find(str(base_folder)), recipe, folder)


def stopped(asked: Job, after: str) -> None:
    """Train until something is said that begins so, as a signal would stop it."""
    stop = Event()

    def say(line: str) -> None:
        if line.startswith(after):
            stop.set()

    with pytest.raises(Interrupted, match="Stopped after step"):
        finetune(asked, say, stop=stop)


def losses(folder: Path) -> dict[int, float]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return {line["step"]: line["loss"] for line in lines if "loss" in line}


def finished(asked: Job, *, resume: bool = False) -> Result:
    return finetune(asked, lambda _: None, resume=resume)


def test_a_stopped_training_goes_on_as_if_it_had_not_been(
    tmp_path: Path, base_folder: Path
) -> None:
    whole, parts = job(base_folder, tmp_path / "whole"), job(base_folder, tmp_path / "parts")
    finished(whole)
    stopped(parts, "step 2: validation loss")
    assert max(losses(parts.folder)) < 6
    finished(parts, resume=True)
    assert losses(parts.folder) == losses(whole.folder)
    weights = [
        (asked.folder / "adapter_model.safetensors").read_bytes() for asked in (whole, parts)
    ]
    assert weights[0] == weights[1]


def test_a_checkpoint_is_whole_once_its_state_is_written(tmp_path: Path, base_folder: Path) -> None:
    asked = job(base_folder, tmp_path / "out")
    stopped(asked, "step 0")
    checkpoint = last_whole(asked.folder / "checkpoints")
    assert checkpoint is not None
    times_ns = {path.name: path.stat().st_mtime_ns for path in checkpoint.iterdir()}
    assert times_ns["trainer_state.json"] == max(times_ns.values())


def test_without_a_checkpoint_it_goes_on_from_the_beginning(
    tmp_path: Path, base_folder: Path
) -> None:
    asked = job(base_folder, tmp_path / "out")
    stopped(asked, "step 0")
    for checkpoint in (asked.folder / "checkpoints").glob("checkpoint-*"):
        (checkpoint / "trainer_state.json").unlink()
    finished(asked, resume=True)
    assert sorted(losses(asked.folder)) == [1, 2, 3, 4, 5, 6]


def test_it_goes_on_only_with_what_it_was_begun_with(tmp_path: Path, base_folder: Path) -> None:
    asked = job(base_folder, tmp_path / "out")
    stopped(asked, "step 0")
    begun = begun_in(asked.folder)
    assert begun.recipe == RECIPE
    assert find(begun.base, begun.commit).id == "tiny-falcon"
    with pytest.raises(Refused, match="another recipe"):
        finished(job(base_folder, asked.folder, Recipe(steps=7)), resume=True)
    other = Job(data_of("other", rows(14, 2)), asked.base, RECIPE, asked.folder)
    with pytest.raises(Refused, match="another data set"):
        finished(other, resume=True)


def test_the_best_step_is_what_comes_out(tmp_path: Path, base_folder: Path) -> None:
    recipe = Recipe(steps=6, batch_size=4, evaluations=6, learning_rate=0.5, warmup_steps=4)
    result = finished(job(base_folder, tmp_path / "out", recipe))
    lines = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
    evaluated = {line["step"]: line["eval_loss"] for line in lines if "eval_loss" in line}
    assert result.best_step < 6  # it only gets worse at such a rate
    assert result.validation_loss == min(evaluated[step] for step in range(1, 7))
    assert f"after step {result.best_step}" in (tmp_path / "out" / "README.md").read_text()
