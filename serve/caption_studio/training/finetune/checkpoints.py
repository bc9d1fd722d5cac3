"""The folder of checkpoints → the last whole one; pure but for the disk.

A process that is killed, or a disk that is full, leaves half a checkpoint. transformers (5.19,
`Trainer._save_checkpoint`) writes `trainer_state.json` last.
"""

import json
import re
import shutil
from pathlib import Path

NAME = "checkpoints"
_STATE = "trainer_state.json"
_PARTS = ("adapter_model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth")


def last_whole(folder: Path) -> Path | None:
    """Return the newest checkpoint that can be gone on from; halves are removed."""
    found = sorted(_checkpoints(folder), reverse=True)
    whole = [path for _, path in found if _is_whole(path)]
    for _, path in found:
        if path not in whole:
            shutil.rmtree(path, ignore_errors=True)
    return whole[0] if whole else None


def step_of(checkpoint: Path) -> int:
    """Return the step after which it was saved."""
    return int(checkpoint.name.rpartition("-")[2])


def _checkpoints(folder: Path) -> list[tuple[int, Path]]:
    if not folder.is_dir():
        return []
    paths = [path for path in folder.iterdir() if re.fullmatch(r"checkpoint-\d+", path.name)]
    return [(step_of(path), path) for path in paths]


def _is_whole(checkpoint: Path) -> bool:
    if not all((checkpoint / name).is_file() for name in _PARTS):
        return False
    try:
        state = json.loads((checkpoint / _STATE).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(state, dict) and "global_step" in state
