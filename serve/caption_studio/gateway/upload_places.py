"""The places for uploads in one gateway, shared out between owners."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from caption_studio.errors import RETRY_AFTER_S, Overloaded


class UploadPlaces:
    """So many places. An owner may have no more than it leaves to others, and one in any case."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._taken: Counter[str] = Counter()

    @contextmanager
    def place(self, owner: str) -> Iterator[None]:
        """Hold a place while the context lasts. Raises `Overloaded`."""
        left = self._count - self._taken.total() - 1
        mine = self._taken[owner]
        if left < 0 or (mine and mine + 1 > left):
            raise Overloaded("Other files are being uploaded.", retry_after_s=RETRY_AFTER_S)
        self._taken[owner] += 1
        try:
            yield
        finally:
            self._taken[owner] -= 1
            if not self._taken[owner]:
                del self._taken[owner]
