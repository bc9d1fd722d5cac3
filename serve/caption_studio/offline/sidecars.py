"""Rows → a small file beside each picture: `a.txt` with the caption, or `a.json` with the row.

A file that is there says that its picture is done, so there is no journal.
"""

import errno
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tqdm import tqdm

from caption_studio.client.tables import Row, TableFailed
from caption_studio.offline.messages import Asked
from caption_studio.training.files import write_whole

SUFFIXES = (".txt", ".json")
"""What OUTPUT is for sidecars, with nothing before it."""

_FOR_ALL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""What keeps every file from being written, and not only one."""


class Sidecars:
    """The files with this suffix beside the pictures; it is used as a `Table` is.

    Raises `TableFailed` for pictures that can have no such file, and if there is one and it is not
    told to `resume` or to `overwrite` it.
    """

    def __init__(
        self, suffix: Path, pictures: Sequence[Asked], *, resume: bool, overwrite: bool
    ) -> None:
        self._suffix = str(suffix)
        self._files = files_beside(self._suffix, pictures)
        there = [] if overwrite else [name for name, file in self._files.items() if _is_there(file)]
        if there and not resume:
            raise TableFailed(
                f"{self._files[there[0]]} exists: give --resume to go on, or --overwrite to begin "
                "anew"
            )
        self._done = set(there)
        self.failed = 0

    def __enter__(self) -> "Sidecars":
        """Return itself; nothing is held open."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        """Do nothing."""

    def lacks(self, picture: str, model: str) -> bool:
        """Return whether the picture has no file yet."""
        return picture not in self._done

    def add(self, row: Row) -> None:
        """Write the picture's file whole, or say why there is none.

        Raises `TableFailed` if no file can be written at all, as on a full disk.
        """
        name = row["picture"]
        if "error" in row:
            self._fail(name, row["error"])
            return
        text = row["caption"] if self._suffix == ".txt" else json.dumps(row, ensure_ascii=False)
        try:
            write_whole(self._files[name], [text, "\n"])
        except (OSError, ValueError) as error:
            reason = f"{self._files[name]} cannot be written: "
            reason += getattr(error, "strerror", None) or "this is no file name"
            if getattr(error, "errno", None) in _FOR_ALL:
                raise TableFailed(reason) from error
            self._fail(name, reason)
            return
        self._done.add(name)

    def _fail(self, name: str, reason: str) -> None:
        self.failed += 1
        with tqdm.external_write_mode(file=sys.stderr):
            print(f"{name}: {reason}", file=sys.stderr)

    def finish(self) -> int:
        """Return the number of files and of failures."""
        return len(self._done) + self.failed


def _is_there(file: Path) -> bool:
    try:
        return file.is_file()
    except (OSError, ValueError):  # no name that a file can have
        return False


def files_beside(suffix: str, pictures: Sequence[Asked]) -> dict[str, Path]:
    """Return each picture's file. Raises `TableFailed`."""
    files: dict[str, Path] = {}
    owners: dict[Path, str] = {}
    for one in pictures:
        if len(one.models) > 1:
            raise TableFailed("a file beside a picture holds one caption: name one --model")
        if "://" in one.address:
            raise TableFailed(f"{one.picture} is no file here, so no other can lie beside it")
        file = files[one.picture] = Path(os.path.splitext(one.address)[0] + suffix)
        if (other := owners.setdefault(file, one.picture)) != one.picture:
            raise TableFailed(f"{other} and {one.picture} would both have {file}")
    return files
