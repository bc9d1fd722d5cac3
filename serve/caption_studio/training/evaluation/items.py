"""The rows of a data set → what captions are written for, and what they are held against; pure."""

import json
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from caption_studio.training.evaluation.problem import EvaluationProblem
from caption_studio.training.form import prompt_of
from caption_studio.training.rows import Row, Split, line_of


@dataclass(frozen=True, slots=True)
class Item:
    """One picture and one request; `rows` are all that the data has of them, at least one."""

    rows: tuple[Row, ...]

    @property
    def row(self) -> Row:
        """The first of its rows."""
        return self.rows[0]

    @property
    def prompt(self) -> str:
        """The prompt, as the service makes it."""
        return prompt_of(self.row)


def items_of(rows: Iterable[Row], split: Split, limit: int | None, *, seed: int) -> list[Item]:
    """Return the split's items in the data's order, at most `limit` of them, drawn by the seed.

    Raises `EvaluationProblem` where there is none.
    """
    together: dict[tuple[str, str, str], list[Row]] = {}
    others: Counter[str] = Counter()
    for row in rows:
        if row.split == split:
            together.setdefault((row.key, row.description, row.request), []).append(row)
        else:
            others[row.split] += 1
    items = [Item(tuple(of_one)) for of_one in together.values()]
    if not items:
        there = " and ".join(f"{number} of {name}" for name, number in sorted(others.items()))
        raise EvaluationProblem(
            f"The data set has no rows of the split {split}; it has {there or 'none at all'}."
        )
    if limit is None or limit >= len(items):
        return items
    chosen = sorted(random.Random(seed).sample(range(len(items)), limit))
    return [items[place] for place in chosen]


def rows_digest(items: Sequence[Item]) -> str:
    """Return the SHA-256 of the items' rows, in hexadecimal digits."""
    lines = [line_of(row) for item in items for row in item.rows]
    return sha256(json.dumps(lines).encode()).hexdigest()
