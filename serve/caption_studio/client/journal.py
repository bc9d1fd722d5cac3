"""Rows that are done → a file that only grows, then the whole table.

The journal stands beside the table until the table is written, so a command killed at any moment
loses the pictures in flight and no others. One command at a time writes a journal.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType

from caption_studio.client.tables import Row, TableFailed, read_table, write_table
from caption_studio.growing_file import GrowingFile

KeyOf = Callable[[Row], str]
"""A row → what tells it from the table's other rows. Raises `KeyError` for what is no row."""


def name_of(row: Row) -> str:
    """Return the key of a table with one row for each picture: the picture's name."""
    name: str = row["picture"]
    return name


class Journal:
    """The journal of the table at `table`; a context manager that holds its file and its lock.

    Refuses what is there already, unless it is told to `resume` or to `overwrite` it. A table has
    one row for each key.
    """

    def __init__(
        self, table: Path, *, resume: bool, overwrite: bool, key_of: KeyOf = name_of
    ) -> None:
        self._table = table
        self._path = table.with_name(f"{table.name}.journal")
        self._resume = resume
        self._overwrite = overwrite
        self._key_of = key_of
        self._file = GrowingFile(self._path)
        self._places: dict[str, int] = {}
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
            self._begin_with(self._checked(read_table(self._table)))
        try:
            self._file.open()
            if not self._file.is_in_place:
                raise BlockingIOError  # another command has just finished with it
            if not self._overwrite:
                self._load()
            self._file.cut()
        except (BlockingIOError, FileNotFoundError) as error:
            self._file.close()
            raise TableFailed(f"{self._path} is being written by another command") from error
        except OSError as error:
            self._file.close()
            raise TableFailed(f"{self._path} cannot be opened: {error.strerror}") from error
        except TableFailed:
            self._file.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        """Close the file, which gives its lock back."""
        self._file.close()

    @property
    def done(self) -> set[str]:
        """The keys of the rows that have a caption. One that failed is tried again."""
        return set(self._places) - self._failed

    @property
    def failed(self) -> int:
        """The number of rows with an error."""
        return len(self._failed)

    def add(self, row: Row) -> None:
        """Note a row; it takes the place of an earlier one of its key. Raises `TableFailed`."""
        line = json.dumps(row).encode() + b"\n"
        try:
            start = self._file.append(line)
        except OSError as error:
            raise TableFailed(
                f"{self._path} cannot be written: {error.strerror}; all that it holds is kept"
            ) from error
        self._take(row, start)

    def finish(self, keys: Iterable[str]) -> int:
        """Write the table, remove the journal and return the number of rows.

        The rows come in the order of `keys`; those of earlier commands that are not among them come
        last. Raises `TableFailed`.
        """
        ordered = dict.fromkeys(key for key in keys if key in self._places)
        ordered |= dict.fromkeys(self._places)
        write_table(self._table, map(self._row, ordered))
        self._path.unlink(missing_ok=True)
        return len(ordered)

    def forget(self, key: str) -> None:
        """Leave a row out that another one replaces, though it has another key."""
        self._places.pop(key, None)
        self._failed.discard(key)

    def _checked(self, rows: Iterator[Row]) -> Iterator[Row]:
        """Yield a table's rows. Raises `TableFailed` if two have one key: one would be lost."""
        keys: set[str] = set()
        for row in rows:
            key = self._key_of(row)
            if key in keys:
                raise TableFailed(
                    f"{self._table} has several rows for {row['picture']}, as for several models: "
                    "this command keeps one. Name another table"
                )
            keys.add(key)
            yield row

    def _begin_with(self, rows: Iterator[Row]) -> None:
        """Make a journal of a table that was finished, whole or not at all."""
        unfinished = self._path.with_name(f"{self._path.name}.unfinished")
        try:
            with unfinished.open("w", encoding="utf-8") as file:
                # As the table is written in the end: what cannot be is told before all the work.
                file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            unfinished.replace(self._path)
        except OSError as error:
            raise TableFailed(f"{self._path} cannot be written: {error.strerror}") from error
        except (TypeError, ValueError) as error:
            raise TableFailed(
                f"{self._table} holds a value that no table of captions holds, so there is no "
                "resuming it"
            ) from error
        finally:
            unfinished.unlink(missing_ok=True)

    def _load(self) -> None:
        for number, (start, line) in enumerate(self._file.lines(), start=1):
            try:
                self._take(json.loads(line), start)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise TableFailed(
                    f"{self._path}, line {number}: it is no line of a journal. Give "
                    "--overwrite to begin anew"
                ) from error

    def _take(self, row: Row, start: int) -> None:
        key = self._key_of(row)
        (self._failed.add if row.get("error") else self._failed.discard)(key)
        self._places[key] = start

    def _row(self, key: str) -> Row:
        row: Row = json.loads(self._file.line_at(self._places[key]))
        return row
