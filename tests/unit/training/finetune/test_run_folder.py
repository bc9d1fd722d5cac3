import errno
import os
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from caption_studio.training.failures import Interrupted, Refused
from caption_studio.training.finetune.run_folder import RunFolder, full_disk_said


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(Refused, match="not empty"):
        RunFolder(tmp_path).require_unused()
    with pytest.raises(Refused, match="not empty"):
        RunFolder(tmp_path / "notes.txt").require_unused()


def test_a_new_or_empty_one_is_taken(tmp_path: Path) -> None:
    RunFolder(tmp_path).require_unused()
    RunFolder(tmp_path / "new").require_unused()


def test_what_was_begun_is_kept_until_it_is_finished(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "out")
    with folder.held():
        folder.begin({"recipe": {"rank": 16}})
    assert folder.record() == {"recipe": {"rank": 16}}
    folder.finish()
    with pytest.raises(Refused, match="holds no unfinished training"):
        folder.record()


def test_a_damaged_record_is_said(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with folder.held():
        folder.begin({})
    (folder.checkpoints / "run.json").write_text("{")
    with pytest.raises(Refused, match="cannot be read"):
        folder.record()


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        SafetensorError("Error while serializing: No space left on device (os error 28)"),
        RuntimeError("[enforce fail] . PytorchStreamWriter failed writing file data/3: file write"),
    ],
)
def test_a_full_disk_ends_with_one_sentence(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(Interrupted, match="is full"), full_disk_said(tmp_path):
        raise error


@pytest.mark.parametrize("error", [OSError(errno.EACCES, "Permission denied"), RuntimeError("x")])
def test_other_errors_pass(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)), full_disk_said(tmp_path):
        raise error


@pytest.mark.parametrize("numbers", [1, 100_000])
def test_torchs_errors_for_a_full_disk_are_known(numbers: int, tmp_path: Path) -> None:
    with pytest.raises(Interrupted, match="is full"), full_disk_said(tmp_path):
        torch.save({"weights": torch.zeros(numbers)}, "/dev/full")


def test_what_was_left_before_anything_was_begun_is_taken(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "out")
    folder.checkpoints.mkdir(parents=True)
    folder.require_unused()
    for name in ("lock", ".0123456789abcdef.unfinished"):
        (folder.checkpoints / name).touch()
    folder.require_unused()
    (folder.checkpoints / "run.json").write_text("{}")
    with pytest.raises(Refused, match="not empty"):
        folder.require_unused()


def test_nothing_is_left_where_the_record_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    folder = RunFolder(tmp_path / "out")
    with pytest.raises(Refused, match="No space left"), folder.held():
        folder.begin({})
    assert not folder.path.exists()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match="cannot be made"), RunFolder(tmp_path / "file" / "x").held():
        pass


def test_one_process_at_a_time_trains_in_a_folder(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "out")
    with folder.held():
        folder.begin({})
        with pytest.raises(Refused, match="Another process is training"), folder.held():
            pass
        assert folder.record() == {}
    with folder.held():
        folder.finish()
    assert not folder.path.exists()
