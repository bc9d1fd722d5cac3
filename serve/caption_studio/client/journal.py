"""Rows that are done → a file that only grows, then the whole table.

The journal stands beside the table until the table is written, so a command killed at any moment
loses the pictures in flight and no others. One command at a time writes a journal.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

from caption_studio.client.tables import Row, TableFailed, read_table, write_table


class Journal:
    """The journal of the table at `table`; a context manager that holds its file and its lock.

    Refuses what is there already, unless it is told to `resume` or to `overwrite` it.
    """

    def __init__(self, table: Path, *, resume: bool, overwrite: bool) -> None:
        self._table = table
        self._path = table.with_name(f"{table.name}.journal")
        self._resume = resume
        self._overwrite = overwrite
        self._file = -1
        self._size_bytes = 0
        self._places: dict[str, tuple[int, int]] = {}
        self._failed: set[str] = set()

    def __enter__(self) -> "Journal":
        """Open it and read what is done. Raises `TableFailed`."""
        is_new = not self._path.exists()
        if not (self._resume or self._overwrite):
            there = self._path if not is_new else self._table
            if there.exists():
                raise TableFailed(
                    f"{there} exists: give --resume to go on, or --overwrite to begin anew"
                )
        if self._resume and is_new and self._table.exists():
            self._begin_with(read_table(self._table))
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(self._file), os.stat(self._path)):
                raise BlockingIOError  # another command has just finished with it
            if not self._overwrite:
                self._load()
            self._cut()
        except (BlockingIOError, FileNotFoundError) as error:
            self._close()
            raise TableFailed(f"{self._path} is being written by another command") from error
        except OSError as error:
            self._close()
            raise TableFailed(f"{self._path} cannot be opened: {error.strerror}") from error
        except TableFailed:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        """Close the file, which gives its lock back."""
        self._close()

    @property
    def done(self) -> set[str]:
        """The names of the pictures that have a caption. One that failed is tried again."""
        return set(self._places) - self._failed

    @property
    def failed(self) -> int:
        """The number of rows with an error."""
        return len(self._failed)

    def add(self, row: Row) -> None:
        """Note a row; it takes the place of an earlier one of its picture. Raises `TableFailed`."""
        line = json.dumps(row).encode() + b"\n"
        try:
            left = line
            while left:
                left = left[os.write(self._file, left) :]
        except OSError as error:
            self._cut()
            raise TableFailed(
                f"{self._path} cannot be written: {error.strerror}; all that it holds is kept"
            ) from error
        self._take(row, len(line))

    def finish(self, pictures: Iterable[str]) -> int:
        """Write the table, remove the journal and return the number of rows.

        The rows come in the order of `pictures`; those of earlier commands that are not among them
        come last. Raises `TableFailed`.
        """
        names = dict.fromkeys(name for name in pictures if name in self._places)
        names |= dict.fromkeys(self._places)
        write_table(self._table, map(self._row, names))
        self._path.unlink(missing_ok=True)
        return len(names)

    def _begin_with(self, rows: Iterator[Row]) -> None:
        """Make a journal of a table that was finished, whole or not at all."""
        unfinished = self._path.with_name(f"{self._path.name}.unfinished")
        try:
            with unfinished.open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows)
            unfinished.replace(self._path)
        except OSError as error:
            raise TableFailed(f"{self._path} cannot be written: {error.strerror}") from error
        finally:
            unfinished.unlink(missing_ok=True)

    def _load(self) -> None:
        with open(self._file, "rb", closefd=False) as lines:
            for number, line in enumerate(lines, start=1):
                if not line.endswith(b"\n"):
                    break  # what a kill left
                try:
                    row = json.loads(line)
                    self._take(row, len(line))
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise TableFailed(
                        f"{self._path}, line {number}: it is no line of a journal. Give "
                        "--overwrite to begin anew"
                    ) from error

    def _take(self, row: Row, size_bytes: int) -> None:
        name = row["picture"]
        (self._failed.add if row.get("error") else self._failed.discard)(name)
        self._places[name] = (self._size_bytes, size_bytes)
        self._size_bytes += size_bytes

    def _row(self, name: str) -> Row:
        start, size_bytes = self._places[name]
        row: Row = json.loads(os.pread(self._file, size_bytes, start))
        return row

    def _cut(self) -> None:
        os.ftruncate(self._file, self._size_bytes)
        os.lseek(self._file, self._size_bytes, os.SEEK_SET)

    def _close(self) -> None:
        if self._file != -1:
            os.close(self._file)
            self._file = -1
