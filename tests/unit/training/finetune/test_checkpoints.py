import json
from pathlib import Path

from caption_studio.training.finetune.checkpoints import last_whole, step_of

PARTS = ("adapter_model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth")


def write_checkpoint(folder: Path, step: int, state: str | None = None) -> Path:
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    for name in PARTS:
        (path / name).write_bytes(b"x")
    (path / "trainer_state.json").write_text(state or json.dumps({"global_step": step}))
    return path


def test_the_last_one_is_gone_on_from(tmp_path: Path) -> None:
    for step in (9, 100, 20):
        write_checkpoint(tmp_path, step)
    found = last_whole(tmp_path)
    assert found is not None
    assert step_of(found) == 100


def test_half_a_checkpoint_is_removed_and_the_one_before_is_taken(tmp_path: Path) -> None:
    whole = write_checkpoint(tmp_path, 10)
    without_optimiser = write_checkpoint(tmp_path, 20)
    (without_optimiser / "optimizer.pt").unlink()
    cut = write_checkpoint(tmp_path, 30, '{"global_st')
    without_state = write_checkpoint(tmp_path, 40)
    (without_state / "trainer_state.json").unlink()
    assert last_whole(tmp_path) == whole
    assert not any(path.exists() for path in (without_optimiser, cut, without_state))


def test_there_may_be_none(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    assert last_whole(tmp_path) is None
    assert last_whole(tmp_path / "nowhere") is None
