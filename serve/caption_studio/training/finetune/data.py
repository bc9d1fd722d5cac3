"""A data set's file → the examples to learn from and to be judged by, with what the card tells."""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from caption_studio.training.failures import Refused
from caption_studio.training.finetune.examples import Example, example_of
from caption_studio.training.rows import Row, read_rows

CARD_SUFFIX = ".md"
"""Beside the data set, where `dataset build` writes its card."""
VALIDATED = 200
"""Examples of an evaluation; more would take long and change little."""


@dataclass(frozen=True, slots=True)
class Data:
    """What an adapter is trained on; `facts` and the text of its own `card` are for the model's."""

    name: str
    training: tuple[Example, ...]
    validation: tuple[Example, ...]
    facts: Mapping[str, str]
    card: str = ""

    @property
    def digest(self) -> str:
        """The SHA-256 of all examples and of how many train, in hexadecimal digits."""
        digest = hashlib.sha256(f"{len(self.training)}\0".encode())
        for example in (*self.training, *self.validation):
            digest.update(f"{example.prompt}\0{example.answer}\0".encode())
        return digest.hexdigest()


def read(path: Path) -> Data:
    """Return the data set in a file.

    Raises:
        DataSetError: it cannot be read, or a line of it is no row.
        Refused: it is too small to learn from, or has nothing to judge by.
    """
    rows = read_rows(path)
    return data_of(path.name, rows, _card(path))


def data_of(name: str, rows: Sequence[Row], card: str = "") -> Data:
    """Return rows as data. Raises `Refused` as `read` does."""
    training = [row for row in rows if row.split == "train"]
    validation = [row for row in rows if row.split == "validation"]
    if len(training) < 2:
        number = "one row" if training else "no row"
        raise Refused(f"{name} has {number} to train on, and an adapter needs two at the least.")
    if not validation:
        raise Refused(
            f"{name} has no validation rows: give some pictures the split validation, or leave "
            "split out and have enough pictures (one in twenty becomes one)."
        )
    return Data(
        name,
        tuple(example_of(row) for row in training),
        tuple(example_of(row) for row in _spread(validation)),
        _facts(rows),
        card,
    )


def _spread(rows: Sequence[Row]) -> Sequence[Row]:
    """Return at most `VALIDATED` rows, from all over the file."""
    stride = -(-len(rows) // VALIDATED)
    return rows[::stride]


def _facts(rows: Sequence[Row]) -> dict[str, str]:
    splits = Counter(row.split for row in rows)
    pictures = len({row.key for row in rows})
    writers = sorted({row.writer for row in rows if row.writer})
    asked = sum(bool(row.request) for row in rows)
    return {
        "rows": ", ".join(f"{number:,} {split}" for split, number in splits.items()),
        "pictures": f"{pictures:,}",
        "rows with a request": f"{asked:,}",
        **({"captions by": ", ".join(writers[:10])} if writers else {}),
    }


def _card(path: Path) -> str:
    """Return the text of the data set's own card, with the licence that its header names."""
    file = path.with_suffix(CARD_SUFFIX)
    if not file.is_file():
        return ""
    text = file.read_text(encoding="utf-8", errors="replace")
    header = re.match(r"---\n(.*?\n)---\n", text, re.DOTALL)
    if header is None:
        return text
    licence = re.search(r"^license: *(.+)$", header[1], re.MULTILINE)
    return (f"Licence: {licence[1]}\n\n" if licence else "") + text[header.end() :].lstrip()
