"""The order in which waiting pictures join the describer's rows, by class; pure.

Pictures online join as if no batch were there. Those of batches have rows of their own. They wait
for one another, because a picture by itself costs far more; and few join at a time, because a
picture online may come while they are encoded.
"""

import time
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from caption_studio.records import BatchShare
from caption_studio.vision.pictures import Picture

ROWS_PER_JOINER = 4
"""Pictures join only if they are at least a quarter of the rows in flight: the encoder is more
efficient in batches."""

BATCH_JOINERS = 4
"""Pictures of batches that join at a time: one pass of the encoder on a CPU. There, a picture takes
13 ms of CPU time by itself, 6.3 among four and 4.9 among eight (the demo's GIT, twelve tokens). But
with eight a caller waits longer for the pass, and the batch's pictures wait longer for one another:
in a trial with four a batch got 1.14 times the captions (0.99 to 1.29)."""

GATHER_S = 0.1
"""How long a picture of a batch waits for so many."""


class Aboard(NamedTuple):
    """The rows in flight of each class, and the room beside them."""

    online: int
    batch: int
    room: int


class Waiting:
    """Pictures that wait. The caller's lock guards it. `clock` gives seconds, as `since_s` does."""

    def __init__(self, share: BatchShare, clock: Callable[[], float] = time.monotonic) -> None:
        self._share = share
        self._clock = clock
        self._together = min(BATCH_JOINERS, max(1, share.places // 2))
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

    @property
    def wait_s(self) -> float | None:
        """Seconds until one may join when nothing is aboard; None: not before another comes."""
        if self._online:
            return 0.0
        return self._gathered_in_s()

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
        if self._gathered_in_s() != 0:
            batches = 0
        waiting = [*islice(self._online, aboard.room), *islice(self._batch, batches)]
        return sorted(waiting, key=self._turn_s)[: aboard.room]

    def _gathered_in_s(self) -> float | None:
        """Return in how many seconds those of batches need not wait for more; None: there are none.

        They are as many as join at a time, or half of all that may be in flight.
        """
        if not self._batch:
            return None
        if len(self._batch) >= self._together:
            return 0.0
        return max(0.0, self._batch[0].since_s + GATHER_S - self._clock())

    def _turn_s(self, picture: Picture) -> float:
        return picture.since_s + (self._share.patience_s if picture.is_batch else 0.0)
