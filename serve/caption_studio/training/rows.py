"""JSON lines ↔ the rows of a data set: one caption of one picture a row.

This is the only form that the commands exchange. Other forms are read by `dataset`.
"""

import json
import math
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from caption_studio.training.files import write_whole

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
SHARES: Mapping[Split, float] = {"train": 0.9, "validation": 0.05, "test": 0.05}
FACTS = ("subject", "number", "colour")
"""What a data set may know of a picture, each in the words that a caption would use."""


class DataSetError(ValueError):
    """A data set cannot be read or used; `str` of it is one sentence for the user."""


@dataclass(frozen=True, slots=True)
class Row:
    """One caption of one picture.

    `picture` is a path or URL, empty where there is none. `picture_id` is equal for all rows of one
    picture. `request` is a wish for the caption, as a caller would write it beside the picture.
    `writer` tells who wrote the caption. `facts` has keys of `FACTS`.
    """

    description: str
    caption: str
    picture: str = ""
    picture_id: str = ""
    split: Split = "train"
    request: str = ""
    writer: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What rows of one picture have in common: its id, else its description."""
        return self.picture_id or self.description


def split_of(key: str, shares: Mapping[Split, float] = SHARES) -> Split:
    """Return the split that all rows with this key belong to; the same on every machine.

    `shares` add up to 1.
    """
    place = (zlib.crc32(key.encode()) + 0.5) / 2**32
    edge = 0.0
    for split in SPLITS:
        edge += shares.get(split, 0.0)
        if place < edge:
            return split
    return "train"


def row_of(values: Mapping[str, Any]) -> Row:
    """Return a row from one JSON object; without a split, that of its picture.

    Fields that a row does not have are left out. Raises `DataSetError`.
    """
    for name in ("description", "caption"):
        value = values.get(name)
        if not isinstance(value, str) or not value.strip():
            raise DataSetError(f"{name} is missing or is no text")
    texts = {}
    for name in ("description", "caption", "picture", "picture_id", "request", "writer"):
        value = values.get(name)
        if value is not None and not isinstance(value, str):
            raise DataSetError(f"{name} is no text")
        texts[name] = _whole(name, (value or "").strip())
    split = values.get("split")
    if split is None:
        split = split_of(texts["picture_id"] or texts["description"])
    if split not in SPLITS:
        raise DataSetError(f"split is {split!r}, not one of {', '.join(SPLITS)}")
    return Row(**texts, split=split, facts=_facts(values.get("facts")))


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a data set.

    Raises `DataSetError` for a file that is missing, empty or holds a line that is no row.
    """
    try:
        # Not `splitlines`: a caption may have a line separator of Unicode in it.
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataSetError(f"{path} cannot be read: {_reason(error)}.") from error
    rows = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
            if not isinstance(values, dict):
                raise DataSetError("it is no JSON object")
            rows.append(row_of(values))
        except (DataSetError, ValueError, RecursionError) as error:
            raise DataSetError(f"{path}, line {number}: {_reason(error)}.") from error
    if not rows:
        raise DataSetError(f"{path} has no rows.")
    return rows


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write a data set whole. Raises `DataSetError` where it cannot be written."""
    try:
        write_whole(path, (line_of(row) + "\n" for row in rows))
    except OSError as error:
        raise DataSetError(f"{path} cannot be written: {_reason(error)}.") from error


def line_of(row: Row) -> str:
    """Return a row as one line of JSON, without its empty fields."""
    values = {name: value for name, value in asdict(row).items() if value not in ("", {})}
    return json.dumps(values, ensure_ascii=False)


def _facts(value: object) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise DataSetError("facts is no JSON object")
    facts = {name: value[name] for name in FACTS if value.get(name) not in (None, "")}
    if any(isinstance(one, bool | list | dict) for one in facts.values()):
        raise DataSetError(f"facts holds something that is no text; it has {', '.join(FACTS)}")
    if any(isinstance(one, float) and not math.isfinite(one) for one in facts.values()):
        raise DataSetError("facts holds a number that is none")
    return {name: _whole(name, str(one)) for name, one in facts.items()}


def _whole(name: str, text: str) -> str:
    r"""Return the text; JSON can spell half a character ("\ud83e"), which nothing can write."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataSetError(f"{name} has half a character, an unpaired surrogate") from error
    return text


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, json.JSONDecodeError):
        return f"it is no JSON ({error.msg})"
    if isinstance(error, RecursionError):
        return "it is no JSON (nested too deep)"
    return str(error)
