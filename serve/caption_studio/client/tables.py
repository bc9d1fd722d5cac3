"""Rows ↔ a table's file, in the form that its name asks for: JSON lines, CSV or Parquet."""

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

Row = dict[str, Any]
"""One picture: `picture` is its name, `error` says why it has no caption."""

COLUMNS = (
    "picture",
    "model",
    "description",
    "caption",
    "hashtags",
    "alt_text",
    "confidence",
    "familiar",
    "error",
)
"""The columns of CSV and Parquet. JSON lines hold all that the service answered."""

LONGEST_FIELD = 2**31 - 1
"""In characters. By default `csv` refuses a table for a field of more than 131,072."""

ROWS_A_GROUP = 4096
"""Rows of a Parquet file that are in memory at a time."""


class TableFailed(Exception):
    """The table cannot be read or written; `str` of it says why, in one sentence."""


def check_name(path: Path) -> None:
    """Raise `TableFailed` if no table can be written at this path."""
    if path.suffix not in _FORMS:
        raise TableFailed(f"{path} must end in one of {', '.join(_FORMS)}")
    if not path.absolute().parent.is_dir():
        raise TableFailed(f"{path.absolute().parent} is no folder")
    if path.is_dir():
        raise TableFailed(f"{path} is a folder")
    if path.suffix == ".parquet":
        try:
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise TableFailed(
                "Parquet needs pyarrow: install caption-studio with its extra `parquet`, or "
                "name an output that ends in .jsonl or .csv"
            ) from error


def write_table(path: Path, rows: Iterable[Row]) -> None:
    """Write the rows: readers see the file before or after, never half of it.

    Raises `TableFailed`; the file that was there stays.
    """
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        _FORMS[path.suffix][0](unfinished, rows)
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        raise TableFailed(f"{path} cannot be written: {error.strerror or error}") from error
    except (TypeError, ValueError) as error:  # such as half of a surrogate pair
        raise TableFailed(
            f"{path} cannot be written: a row holds a value that such a table cannot hold"
        ) from error
    finally:
        with suppress(OSError):
            unfinished.unlink()


def read_table(path: Path) -> Iterator[Row]:
    """Yield the rows of a table that `write_table` wrote. Raises `TableFailed`."""
    try:
        for row in _FORMS[path.suffix][1](path):
            if not isinstance(row, dict) or not isinstance(row.get("picture"), str):
                raise ValueError("no picture")
            yield row
    except OSError as error:
        raise TableFailed(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, TypeError, csv.Error) as error:
        raise TableFailed(f"{path} is no table of captions, so there is no resuming it") from error


def _write_jsonl(path: Path, rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _read_jsonl(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig") as file:
        yield from (json.loads(line) for line in file if line.strip())


def _write_csv(path: Path, rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        for row in rows:
            # As JSON, which lists and truth values can be read back from.
            encoded = {
                name: json.dumps(row[name]) for name in _ENCODED if row.get(name) is not None
            }
            writer.writerow({**row, **encoded})


def _read_csv(path: Path) -> Iterator[Row]:
    csv.field_size_limit(LONGEST_FIELD)
    with path.open(encoding="utf-8-sig", newline="") as file:
        for texts in csv.DictReader(file, strict=True):
            row: Row = {name: text for name, text in texts.items() if text}
            yield row | {name: _decoded(name, row[name]) for name in _ENCODED if name in row}


def _decoded(name: str, text: str) -> Any:
    # Spreadsheets save truth values in capitals.
    return json.loads(text.lower() if name == "familiar" else text)


_ENCODED = ("hashtags", "confidence", "familiar")


def _write_parquet(path: Path, rows: Iterable[Row]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {"hashtags": pa.list_(pa.string()), "confidence": pa.float64(), "familiar": pa.bool_()}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])
    with parquet.ParquetWriter(path, schema) as writer:
        waiting = iter(rows)
        while group := list(islice(waiting, ROWS_A_GROUP)):
            writer.write_table(pa.Table.from_pylist(group, schema=schema))


def _read_parquet(path: Path) -> Iterator[Row]:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        # Others may hold what no row can, such as a time.
        ours = [name for name in file.schema_arrow.names if name in COLUMNS]
        if "picture" not in ours:
            raise ValueError("no picture")
        for batch in file.iter_batches(ROWS_A_GROUP, columns=ours):
            for row in batch.to_pylist():
                yield {name: value for name, value in row.items() if value is not None}


_FORMS: dict[str, tuple[Callable[[Path, Iterable[Row]], None], Callable[[Path], Iterator[Row]]]] = {
    ".jsonl": (_write_jsonl, _read_jsonl),
    ".csv": (_write_csv, _read_csv),
    ".parquet": (_write_parquet, _read_parquet),
}
