"""Rows → their splits: all rows of one picture, or of one description, fall into the same.

A captioner sees the description alone. So two pictures with one description belong together: with
one of them in training, the other would be no test.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from caption_studio.training.dataset.texts import words
from caption_studio.training.rows import Row, Split, split_of


def split_by_picture(rows: Sequence[Row], shares: Mapping[Split, float]) -> list[Row]:
    """Return the rows with their splits, in their order.

    A group of rows that is larger than its whole split should be is for training: hundreds of
    pictures that are all described as "a plate of food" are no test.
    """
    groups = _groups(rows)
    pictures = Counter(groups[key] for key in dict.fromkeys(row.key for row in rows))
    total = sum(pictures.values())

    def split(row: Row) -> Split:
        group = groups[row.key]
        chosen = split_of(group, shares)
        is_too_large = pictures[group] > max(shares.get(chosen, 0.0) * total, 1.0)
        return "train" if is_too_large else chosen

    return [replace(row, split=split(row)) for row in rows]


def _groups(rows: Sequence[Row]) -> dict[str, str]:
    """Return for each row's key that of the first row in its group."""
    leader: dict[str, str] = {}
    described: dict[str, str] = {}

    def first(key: str) -> str:
        while leader[key] != key:
            leader[key] = key = leader[leader[key]]
        return key

    order = {row.key: place for place, row in reversed(list(enumerate(rows)))}
    for row in rows:
        leader.setdefault(row.key, row.key)
        other = described.setdefault(" ".join(words(row.description)), row.key)
        one, two = sorted((first(row.key), first(other)), key=order.__getitem__)
        leader[two] = one
    return {key: first(key) for key in leader}
