"""A table that people have (CSV, JSON lines, Parquet) → items.

The form of 2023 has the columns `description` and `caption` alone. Further columns that a data set
knows (`request`, `facts`, and the names of facts) are kept beside a caption that is there; all
others are left out.
"""

import csv
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from caption_studio.client.tables import LONGEST_FIELD
from caption_studio.training.dataset.items import Item
from caption_studio.training.dataset.texts import well_formed
from caption_studio.training.rows import FACTS, DataSetError, row_of

KINDS = (".csv", ".jsonl", ".parquet")
_NEEDED = 'pip install "caption-studio[train]"'


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns' names; None: the one of `picture`, `description`, `caption` that is there."""

    picture: str | None = None
    description: str | None = None
    caption: str | None = None

    def wanted(self) -> set[str]:
        """Return all columns that an item can be made of."""
        given = {self.picture, self.description, self.caption} - {None}
        return {"picture", "description", "caption", "request", "facts", *FACTS, *map(str, given)}

    def names(self, there: list[str], path: Path) -> dict[str, str]:
        """Return which column holds what. Raises `DataSetError` if one that is named is missing."""
        known = {}
        for role in ("picture", "description", "caption"):
            given = getattr(self, role)
            if given is not None and given not in there:
                raise DataSetError(f"{path} has no column {given!r}; it has {_listed(there)}.")
            if given is not None or role in there:
                known[role] = given or role
        if not {"picture", "description"} & known.keys():
            raise DataSetError(
                f"{path} needs a column of pictures or one of descriptions: name it with "
                f"--picture-column or --description-column; it has {_listed(there)}."
            )
        return known


def read_table(path: Path, columns: Columns) -> list[Item]:
    """Return an item for each row; relative paths begin at the table's folder, else at ours.

    Raises `DataSetError` if the table cannot be read, lacks a column or has no row to use.
    """
    rows, names = _read(path, columns)
    items = [_item(row, names, path.parent) for row in rows]
    if all(item.problem for item in items):
        raise DataSetError(f"{path} has no row that can be used: {items[0].problem}.")
    return items


def read_pictures(path: Path, columns: Columns) -> list[Item]:
    """Return an item for each row as `read_table` does, but of its picture alone.

    Raises `DataSetError` if the table cannot be read or lacks the column.
    """
    rows, names = _read(path, columns)
    only = {"picture": names["picture"]}
    items = [_texts_of(row, only, path.parent) for row in rows]
    if not any(item.picture for item in items):
        raise DataSetError(f"{path} names no picture in its column {names['picture']!r}.")
    return items


def _read(path: Path, columns: Columns) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return a table's rows, and which column holds what. Raises `DataSetError`."""
    readers = dict(zip(KINDS, (_csv, _json_lines, _parquet), strict=True))
    read = readers.get(path.suffix.lower())
    if read is None:
        raise DataSetError(f"{path} is no table: its name must end in {', '.join(KINDS)}.")
    try:
        rows = list(read(path, columns))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataSetError(f"{path} cannot be read: {_reason(error)}.") from error
    if not rows:
        raise DataSetError(f"{path} has no rows.")
    # Rows of JSON lines need not all have the same fields.
    there = list(dict.fromkeys(name for row in rows for name in row))
    return rows, columns.names(there, path)


def _item(row: Mapping[str, Any], names: Mapping[str, str], folder: Path) -> Item:
    item = _texts_of(row, names, folder)
    if item.problem:
        return item
    if not (item.picture or item.description):
        return replace(item, problem="the row has neither picture nor description")
    extra = _extra(row)
    return replace(item, problem=extra) if isinstance(extra, str) else replace(item, **extra)


def _texts_of(row: Mapping[str, Any], names: Mapping[str, str], folder: Path) -> Item:
    """Return the item of the columns that are named; a picture's path begins at the folder."""
    texts: dict[str, Any] = {}
    for role, name in names.items():
        value = row.get(name)
        if value is not None and not isinstance(value, str):
            return Item(problem=f"column {name} holds no text")
        texts[role] = well_formed(value or "").strip()
    picture = texts.get("picture", "")
    if picture and "://" not in picture:
        beside = os.path.join(folder, picture)
        if os.path.exists(beside) or not os.path.exists(picture):
            texts["picture"] = beside
    return Item(**texts)


def _extra(row: Mapping[str, Any]) -> dict[str, Any] | str:
    """Return `request` and `facts` as a data set has them, or what is wrong with them."""
    facts = row.get("facts") or {name: row[name] for name in FACTS if row.get(name)}
    values = {"description": "-", "caption": "-", "request": row.get("request"), "facts": facts}
    try:
        known = row_of(values)
    except DataSetError as error:
        return str(error)
    facts = {name: well_formed(value) for name, value in known.facts.items()}
    return {"request": well_formed(known.request), "facts": facts}


def _csv(path: Path, _: Columns) -> Iterator[dict[str, Any]]:
    """Yield the rows. Raises `csv.Error` for a quote without an end: it hides the rows after it."""
    csv.field_size_limit(LONGEST_FIELD)
    is_at_end = False

    def lines() -> Iterator[str]:
        nonlocal is_at_end
        yield from file
        is_at_end = True

    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(lines()):
            if is_at_end:  # a row that is whole comes before its reader looks for more lines
                raise csv.Error("a quote is not closed")
            yield {name: value for name, value in row.items() if name is not None}


def _json_lines(path: Path, _: Columns) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:  # the second: opening brackets
                raise DataSetError(f"{path}, line {number}: it is no JSON.") from error
            if not isinstance(row, dict):
                raise DataSetError(f"{path}, line {number}: it is no JSON object.")
            yield row


def _parquet(path: Path, columns: Columns) -> Iterator[dict[str, Any]]:
    """Yield the rows; what nobody asked for is not read, such as the bytes of pictures."""
    try:
        from pyarrow import ArrowException, parquet  # not needed to serve
    except ImportError as error:
        raise DataSetError(f"Parquet needs pyarrow: {_NEEDED}.") from error
    try:
        file = parquet.ParquetFile(path)
        names = file.schema_arrow.names
        # One at least: a row without columns is none.
        wanted = [name for name in names if name in columns.wanted()] or names[:1]
        for batch in file.iter_batches(columns=wanted):
            yield from (dict.fromkeys(names) | row for row in batch.to_pylist())
    except ArrowException as error:
        raise DataSetError(f"{path} is no Parquet file that can be read.") from error


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none"


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
