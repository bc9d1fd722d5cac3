"""How values are kept in a local folder: each is written aside, and moved to its name when whole.

A process that is killed leaves what it was writing; `delete_unfinished` deletes that later. A
bucket has nothing of the kind: there an unfinished upload has no name. Raises as `os` does.
"""

import os
import uuid
from contextlib import suppress
from typing import IO

UNFINISHED = ".unfinished-"
"""Part of the names of files that are still being written."""


def listed(folder: str, *, unfinished: bool = False) -> dict[str, int]:
    """Return the whole values in a folder, or what is being written: names and sizes in bytes.

    fsspec's own listing fails as a whole if one file is deleted meanwhile, as if there were none.
    """
    found = {}
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                size_bytes = entry.stat().st_size
                if (UNFINISHED in entry.name) == unfinished:
                    found[entry.name] = size_bytes
    return dict(sorted(found.items()))


def delete_unfinished(root: str, before_s: float) -> int:
    """Delete what was last written to before a time in seconds since 1970; return how many."""
    count = 0
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            with suppress(FileNotFoundError):
                if UNFINISHED in name and os.stat(path).st_mtime < before_s:
                    os.unlink(path)
                    count += 1
    return count


class Aside:
    """A new file beside `path`: written, then kept under that name or dropped."""

    def __init__(self, path: str) -> None:
        _make_folder(os.path.dirname(path))
        self._path = path
        self._aside = f"{path}{UNFINISHED}{uuid.uuid4().hex}"
        self.file: IO[bytes] = open(self._aside, "xb", opener=_private)

    def keep(self) -> None:
        """Put it in the place of what has the name."""
        self.file.close()
        os.replace(self._aside, self._path)

    def keep_new(self) -> bool:
        """Give it the name unless something has it; return whether it was given."""
        self.file.close()
        try:
            os.link(self._aside, self._path)
        except FileExistsError:
            return False
        finally:
            os.unlink(self._aside)
        return True

    def drop(self) -> None:
        """Delete it, if it is still there."""
        with suppress(OSError):
            self.file.close()
        with suppress(OSError):
            os.unlink(self._aside)


def _make_folder(path: str) -> None:
    """Make a folder and those above it, for this user only; `os.makedirs` does so for the last."""
    if not os.path.isdir(path):
        _make_folder(os.path.dirname(path))
        with suppress(FileExistsError):
            os.mkdir(path, mode=0o700)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)
