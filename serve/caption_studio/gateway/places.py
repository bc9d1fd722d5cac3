"""The places inside one gateway, shared out between API keys."""

import math
from collections import Counter, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from caption_studio.errors import Overloaded
from caption_studio.gateway.concurrency_limit import (
    RECENT_ANSWERS,
    WAITED_ANSWERS,
    ConcurrencyLimit,
)
from caption_studio.gateway.waiting_line import WaitingLine
from caption_studio.limits import GUESSED_PACE_S

LATE = 1.1
"""Refused clients return at this multiple of the interval at which places come free.

A client that returns too early wastes a retry; a little late is harmless, as the stages still have
work.
"""


USUAL_S = 5.0
"""Time constant of the average of the places taken."""


@dataclass(frozen=True, slots=True)
class Place:
    """The place of one request, held by its owner until `Places.leave`."""

    owner: Hashable
    since_s: float


class Places:
    """As many places as `limit` says, and the waiting line of refused requests.

    Requests of batches take no place, but are known: the stages answer them too. A request that
    waited beside them says nothing of the capacity, unless those online alone fill an engine.
    `clock` gives seconds.
    """

    def __init__(self, limit: ConcurrencyLimit, clock: Callable[[], float]) -> None:
        self._limit = limit
        self._clock = clock
        self._in_flight: Counter[Hashable] = Counter()
        self._total = 0
        self._usual = 0.0
        self._busy_s = 0.0  # since the last answer
        self._seen_at_s = clock()
        self._line = WaitingLine()
        self._waited: deque[bool] = deque(maxlen=RECENT_ANSWERS)
        self._batches = 0
        self._batches_seen_at_s = -math.inf

    def enter(self, owner: Hashable) -> Place:
        """Take a place for one of the owner's requests.

        Raises `Overloaded` when all are taken, unless the owner has less than its share of them: it
        need not wait until others have left.
        """
        self._advance()
        limit = self._limit.value
        owners = len(self._in_flight) + (owner not in self._in_flight)
        if self._total >= limit and self._in_flight[owner] >= max(1, limit // owners):
            raise Overloaded(
                "The service is full. Try again soon.", retry_after_s=self.retry_after_s()
            )
        self._in_flight[owner] += 1
        self._total += 1
        return Place(owner, self._seen_at_s)

    def leave(self, place: Place, *, answered: bool, queued: bool = False) -> None:
        """Give the place back.

        `answered` says that the models answered the request, `queued` that it waited for one.
        """
        self._advance()
        full = self._total >= self._limit.value
        fills_an_engine = self._total >= self._limit.smallest
        beside_batches = not fills_an_engine and self._batches_seen_at_s >= place.since_s
        self._in_flight[place.owner] -= 1
        if not self._in_flight[place.owner]:
            del self._in_flight[place.owner]
        self._total -= 1
        if answered:
            self._waited.append(queued)
            if not (queued and beside_batches):
                latency_s = self._seen_at_s - place.since_s
                self._limit.answered(self._busy_s, latency_s, queued=queued, full=full)
            self._busy_s = 0.0

    def enter_batch(self) -> None:
        """Note that a request of a batch begins; it takes no place."""
        self._advance()
        self._batches += 1

    def leave_batch(self, *, answered: bool) -> None:
        """Note that a request of a batch ends, and whether the models answered it."""
        self._advance()
        self._batches -= 1
        if answered and self._total:
            self._limit.answered_beside(self._busy_s)
            self._busy_s = 0.0

    def retry_after_s(self) -> int:
        """Return in how many seconds one more refused client should return."""
        self._advance()
        return self._line.join(self._seen_at_s, stalled_s=self._busy_s, pace_s=self.pace_s)

    @property
    def in_flight(self) -> int:
        """Return how many places are taken."""
        return self._total

    @property
    def usual(self) -> float:
        """Return how many places were taken lately, on average."""
        self._advance()
        return self._usual

    @property
    def wait_for_stages(self) -> bool:
        """Return whether requests had to wait for a stage lately, or wait for a place."""
        have_waited = sum(self._waited) >= WAITED_ANSWERS
        return have_waited or self._limit.has_queue or self._total >= self._limit.value

    @property
    def limit(self) -> int:
        """Return the number of places."""
        return self._limit.value

    @property
    def share(self) -> int:
        """Return the places that a present owner may hold even if all are taken."""
        return max(1, self._limit.value // max(1, len(self._in_flight)))

    @property
    def pace_s(self) -> float:
        """Return the interval between the returns of two refused clients."""
        per_s = self._limit.per_s
        return GUESSED_PACE_S if per_s is None else LATE / per_s

    def _advance(self) -> None:
        now_s = self._clock()
        weight = math.exp((self._seen_at_s - now_s) / USUAL_S)
        self._usual = self._total + (self._usual - self._total) * weight
        if self._total:
            self._busy_s += now_s - self._seen_at_s
        self._seen_at_s = now_s
        if self._batches:
            self._batches_seen_at_s = now_s
