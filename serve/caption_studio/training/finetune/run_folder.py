"""The folder of one fine-tuning: begun, gone on with, or finished.

While it runs, `checkpoints/` holds what was asked for (`run.json`) and how far it is. When it is
done that folder is gone, and what the service loads is there.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from caption_studio.training.failures import Interrupted, Refused
from caption_studio.training.files import write_whole
from caption_studio.training.finetune.checkpoints import NAME as CHECKPOINTS

_RECORD = "run.json"
_FULL = ("No space left on device", "PytorchStreamWriter failed", "Disk quota exceeded")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where everything of one fine-tuning lies."""

    path: Path

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints, which is there until the training is done."""
        return self.path / CHECKPOINTS

    def require_unused(self) -> None:
        """Raise `Refused` if something is there already."""
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise Refused(
                f"{self.path} exists and is not empty: name another folder, or go on with an "
                "unfinished training by --resume."
            )

    def record(self) -> dict[str, Any]:
        """Return what the unfinished training was begun with. Raises `Refused`."""
        path = self.checkpoints / _RECORD
        try:
            record: dict[str, Any] = json.loads(path.read_bytes())
        except FileNotFoundError as error:
            raise Refused(f"{self.path} holds no unfinished training.") from error
        except (OSError, ValueError) as error:
            raise Refused(f"{path} cannot be read.") from error
        return record

    def begin(self, record: Mapping[str, Any]) -> None:
        """Make the folder and write the record. Raises `Refused` if it cannot be made."""
        try:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Refused(f"{self.path} cannot be made: {error.strerror}.") from error
        text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
        write_whole(self.checkpoints / _RECORD, [text])

    def abandon(self) -> None:
        """Remove a folder in which nothing was trained, as if nothing had been begun."""
        self.finish()
        with suppress(OSError):  # it is not empty
            self.path.rmdir()

    def finish(self) -> None:
        """Remove what only an unfinished training needs."""
        shutil.rmtree(self.checkpoints, ignore_errors=True)


@contextmanager
def full_disk_said(folder: Path) -> Iterator[None]:
    """Turn the libraries' errors for a full disk into `Interrupted`."""
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        if not is_full_disk(error):
            raise
        raise Interrupted(f"The disk with {folder} is full; free some space.") from error


def is_full_disk(error: BaseException) -> bool:
    """Return whether a file could not be written for want of space.

    safetensors and torch raise errors of their own, which tell it by their text alone.
    """
    if isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT):
        return True
    return isinstance(error, RuntimeError | SafetensorError | OSError) and any(
        text in str(error) for text in _FULL
    )
