"""The folder of one fine-tuning: begun, gone on with, or finished.

While it runs, `checkpoints/` holds what was asked for (`run.json`) and how far it is. When it is
done that folder is gone, and what the service loads is there.
"""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from caption_studio.growing_file import GrowingFile
from caption_studio.training.failures import Interrupted, Refused
from caption_studio.training.files import write_whole
from caption_studio.training.finetune.checkpoints import NAME as CHECKPOINTS

_RECORD = "run.json"
_LOCK = "lock"
_NOTHING_BEGUN = re.compile(rf"{_LOCK}|\.[0-9a-f]+\.unfinished")
"""The names that a process leaves among the checkpoints if it ends before the record is written."""
_FULL = (
    "No space left on device",
    "Disk quota exceeded",
    "PytorchStreamWriter failed",
    "iostream error",  # torch 2.13, for a small file
    "unexpected pos",  # torch 2.13, for a large one
)


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where everything of one fine-tuning lies."""

    path: Path

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints, which is there until the training is done."""
        return self.path / CHECKPOINTS

    def require_unused(self) -> None:
        """Raise `Refused` if something is there already.

        What a process left that ended before anything was begun does not count.
        """
        if self.path.exists() and not (self.path.is_dir() and self._is_unused()):
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

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make the folder, and keep other processes out of it.

        A folder in which nothing was begun is removed at the end. Raises `Refused` while another
        process holds it, or if it cannot be made.
        """
        with closing(GrowingFile(self.checkpoints / _LOCK)) as lock:
            self._lock(lock)
            try:
                yield
            finally:
                if not (self.checkpoints / _RECORD).exists():
                    self.abandon()

    def begin(self, record: Mapping[str, Any]) -> None:
        """Write the record, in a folder that is held. Raises `Refused` if it cannot be written."""
        text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
        try:
            write_whole(self.checkpoints / _RECORD, [text])
        except OSError as error:
            raise Refused(f"{self.path} cannot be written: {error.strerror}.") from error

    def abandon(self) -> None:
        """Remove a folder in which nothing was trained, as if nothing had been begun."""
        self.finish()
        with suppress(OSError):  # it is not empty
            self.path.rmdir()

    def finish(self) -> None:
        """Remove what only an unfinished training needs."""
        shutil.rmtree(self.checkpoints, ignore_errors=True)

    def _is_unused(self) -> bool:
        paths = list(self.path.iterdir())
        if paths == [self.checkpoints] and self.checkpoints.is_dir():
            return all(_NOTHING_BEGUN.fullmatch(path.name) for path in self.checkpoints.iterdir())
        return not paths

    def _lock(self, lock: GrowingFile) -> None:
        """Raise `Refused` if the lock cannot be had.

        If its file was removed meanwhile, the process that held it has just finished.
        """
        try:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
            lock.open()
            if not lock.is_in_place:
                raise BlockingIOError
        except (BlockingIOError, FileNotFoundError) as error:
            raise Refused(f"Another process is training in {self.path}.") from error
        except OSError as error:
            for made in (self.checkpoints, self.path):
                with suppress(OSError):  # it is not empty, or was not made
                    made.rmdir()
            raise Refused(f"{self.path} cannot be made: {error.strerror}.") from error


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
