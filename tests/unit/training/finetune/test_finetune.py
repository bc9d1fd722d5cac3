"""Interrupted trainings: what is kept, and that going on gives what would have come anyway."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from caption_studio.training.base import find
from caption_studio.training.failures import Interrupted, Refused
from caption_studio.training.finetune.checkpoints import last_whole
from caption_studio.training.finetune.data import data_of
from caption_studio.training.finetune.finetune import Result, finetune
from caption_studio.training.finetune.job import Job, Limits, begun_in
from caption_studio.training.finetune.recipe import Recipe
from caption_studio.training.finetune.run_folder import RunFolder
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


def evaluated(folder: Path) -> dict[int, float]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return {line["step"]: line["eval_loss"] for line in lines if "eval_loss" in line}


def test_an_evaluation_that_is_due_runs_though_it_is_stopped(
    tmp_path: Path, base_folder: Path
) -> None:
    asked = job(base_folder, tmp_path / "out")
    stopped(asked, "step 1 of")
    assert sorted(evaluated(asked.folder)) == [0, 2]


def test_validation_loss_is_that_of_all_tokens_whatever_the_micro_batch(
    tmp_path: Path, base_folder: Path
) -> None:
    examples = rows(8, 3)
    examples[-1] = replace(examples[-1], caption="Buns! " * 40)
    found = []
    for size in (1, 4):
        recipe = Recipe(steps=1, batch_size=4, evaluations=1, warmup_steps=0)
        folder = tmp_path / str(size)
        asked = Job(data_of("bakery", examples), find(str(base_folder)), recipe, folder)
        finetune(asked, lambda _: None, limits=Limits(micro_batch=size))
        found.append(evaluated(folder)[0])
    assert found[0] == pytest.approx(found[1], rel=1e-5)


WORSE = Recipe(steps=6, batch_size=4, evaluations=6, learning_rate=0.5, warmup_steps=4)
"""Its first steps are the best."""


def test_the_best_step_comes_out_of_a_folder_that_was_moved(
    tmp_path: Path, base_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a full disk at the end: no step is left, so none names the best one anew."""
    whole, moved = (job(base_folder, tmp_path / name, WORSE) for name in ("whole", "moved"))
    begun = job(base_folder, tmp_path / "begun", WORSE)
    finished(whole)
    with monkeypatch.context() as patched:
        patched.setattr("caption_studio.training.finetune.finetune._write", full_disk)
        with pytest.raises(Interrupted, match="full"):
            finished(begun)
    shutil.move(begun.folder, moved.folder)
    finished(moved, resume=True)
    weights = [
        (asked.folder / "adapter_model.safetensors").read_bytes() for asked in (whole, moved)
    ]
    assert weights[0] == weights[1]


def full_disk(*_: object) -> None:
    raise Interrupted("The disk is full.")


def test_without_the_best_checkpoint_no_other_comes_out(tmp_path: Path, base_folder: Path) -> None:
    asked = job(base_folder, tmp_path / "out", WORSE)
    stopped(asked, "step 4: validation loss")
    losses_by_step = evaluated(asked.folder)
    best = min((step for step in losses_by_step if step), key=losses_by_step.__getitem__)
    shutil.rmtree(asked.folder / "checkpoints" / f"checkpoint-{best}")
    with pytest.raises(Interrupted, match=f"best step, {best}, is not there"):
        finished(asked, resume=True)


def test_checkpoints_stay_where_the_base_cannot_be_loaded_again(
    tmp_path: Path, base_folder: Path
) -> None:
    base = shutil.copytree(base_folder, tmp_path / "tiny-falcon")
    asked = job(base, tmp_path / "out")

    def memory_runs_out(line: str) -> None:
        if line.startswith("step 4: validation loss"):
            (base / "model.safetensors").unlink()
            raise MemoryError

    with pytest.raises(Interrupted, match="weights"):
        finetune(asked, memory_runs_out)
    assert last_whole(asked.folder / "checkpoints") is not None


def test_nothing_is_left_where_the_base_cannot_be_loaded(tmp_path: Path, base_folder: Path) -> None:
    base = shutil.copytree(base_folder, tmp_path / "tiny-falcon")
    (base / "model.safetensors").write_bytes(b"")
    asked = job(base, tmp_path / "out")
    with pytest.raises(Refused, match="damaged"):
        finished(asked)
    assert not asked.folder.exists()


def test_another_process_in_the_folder_is_refused(tmp_path: Path, base_folder: Path) -> None:
    asked = job(base_folder, tmp_path / "out")
    stopped(asked, "step 0")
    with (
        RunFolder(asked.folder).held(),
        pytest.raises(Refused, match="Another process is training"),
    ):
        finished(asked, resume=True)
    assert last_whole(asked.folder / "checkpoints") is not None
