"""Rows of a failed step → ever smaller groups, until the row at fault is alone.

Each group is described separately from the start. Of n rows with one bad one, about 2 log2 n groups
are tried, and n - 1 rows are described.
"""

from collections import deque
from collections.abc import Sequence
from typing import Generic, TypeVar

Row = TypeVar("Row")


class Suspects(Generic[Row]):
    """The groups that are still to be tried."""

    def __init__(self) -> None:
        self._groups: deque[list[Row]] = deque()

    def __bool__(self) -> bool:
        return bool(self._groups)

    def add(self, rows: Sequence[Row]) -> None:
        """Set aside two or more rows that failed together, as two groups to be tried next."""
        middle = len(rows) // 2
        self._groups.extendleft([list(rows[middle:]), list(rows[:middle])])

    def next_group(self) -> list[Row]:
        """Remove and return the next group; empty if there is none."""
        return self._groups.popleft() if self._groups else []
