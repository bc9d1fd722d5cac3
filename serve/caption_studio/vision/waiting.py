"""The order in which waiting pictures join the describer's rows, by class; pure.

Pictures online join as if no batch were there. Those of batches have rows of their own, and few
join at a time, because a picture online may come while they are encoded.
"""

from collections import deque
from itertools import islice
from typing import NamedTuple

from caption_studio.records import BatchShare
from caption_studio.vision.pictures import Picture

ROWS_PER_JOINER = 4
"""Pictures join only if they are at least a quarter of the rows in flight: the encoder is more
efficient in batches."""

BATCH_JOINERS = 8
"""Pictures of batches that join at a time, at most: one pass of the encoder on a CPU."""


class Aboard(NamedTuple):
    """The rows in flight of each class, and the room beside them."""

    online: int
    batch: int
    room: int


class Waiting:
    """Pictures that wait. The caller's lock guards it."""

    def __init__(self, share: BatchShare) -> None:
        self._share = share
        self._online: deque[Picture] = deque()
        self._batch: deque[Picture] = deque()

    def __len__(self) -> int:
        return len(self._online) + len(self._batch)

    @property
    def of_batches(self) -> int:
        """Return how many of them are of batches."""
        return len(self._batch)

    def add(self, picture: Picture) -> None:
        """Put it behind those of its class."""
        (self._batch if picture.is_batch else self._online).append(picture)

    def clear(self) -> None:
        """Forget them all."""
        self._online.clear()
        self._batch.clear()

    def take(self, aboard: Aboard) -> list[Picture]:
        """Remove and return those that join now."""
        chosen = self._first(aboard)
        online = [one for one in chosen if not one.is_batch]
        enough = min(aboard.online + aboard.batch, BATCH_JOINERS * ROWS_PER_JOINER)
        if len(chosen) == len(online) or len(chosen) * ROWS_PER_JOINER < enough:
            chosen = online if len(online) * ROWS_PER_JOINER >= aboard.online else []
        for one in chosen:
            (self._batch if one.is_batch else self._online).popleft()
        return chosen

    def _first(self, aboard: Aboard) -> list[Picture]:
        """Return as many as there is room for, in the order of their turns."""
        batches = max(0, min(self._share.places - aboard.batch, BATCH_JOINERS))
        waiting = [*islice(self._online, aboard.room), *islice(self._batch, batches)]
        return sorted(waiting, key=self._turn_s)[: aboard.room]

    def _turn_s(self, picture: Picture) -> float:
        return picture.since_s + (self._share.patience_s if picture.is_batch else 0.0)
