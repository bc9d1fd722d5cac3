"""Files that are written whole or not at all."""

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, pieces: Iterable[str]) -> None:
    """Write a text: readers see the file before or after, never half of it.

    Raises `OSError`; the file that was there stays.
    """
    # Short, since names are limited, and the same each time, so that kills leave one at most.
    mark = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
    unfinished = path.with_name(f".{mark}.unfinished")
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise
