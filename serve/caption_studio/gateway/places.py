"""The places inside one gateway, shared out between API keys."""

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from caption_studio.errors import Overloaded
from caption_studio.gateway.concurrency_limit import ConcurrencyLimit
from caption_studio.gateway.waiting_line import WaitingLine
from caption_studio.limits import GUESSED_PACE_S

LATE = 1.1
"""Times the distance of two places that come free, as far apart do refused callers return.

Who returns too early uses up a retry; a little late, it still finds others at work.
"""


@dataclass(frozen=True, slots=True)
class Place:
    """One request's place, its owner's until it is left."""

    owner: Hashable
    since_s: float


class Places:
    """As many places as `limit` says, and the line of those who found none.

    `clock` gives seconds.
    """

    def __init__(self, limit: ConcurrencyLimit, clock: Callable[[], float]) -> None:
        self._limit = limit
        self._clock = clock
        self._in_flight: Counter[Hashable] = Counter()
        self._total = 0
        self._busy_s = 0.0  # since the last answer
        self._seen_at_s = clock()
        self._line = WaitingLine()

    def enter(self, owner: Hashable) -> Place:
        """Take a place for one of the owner's requests.

        Raises `Overloaded` when all are taken, but for an owner with less than its share of
        them: it need not wait until others have left.
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

        `answered` says that the models did the work, `queued` that it had to wait for one.
        """
        self._advance()
        full = self._total >= self._limit.value
        self._in_flight[place.owner] -= 1
        if not self._in_flight[place.owner]:
            del self._in_flight[place.owner]
        self._total -= 1
        if answered:
            latency_s = self._seen_at_s - place.since_s
            self._limit.answered(self._busy_s, latency_s, queued=queued, full=full)
            self._busy_s = 0.0

    def retry_after_s(self) -> int:
        """Return in how many seconds one more refused caller should come back."""
        self._advance()
        return self._line.join(self._seen_at_s, stalled_s=self._busy_s, pace_s=self.pace_s)

    @property
    def limit(self) -> int:
        """Return how many there are."""
        return self._limit.value

    @property
    def share(self) -> int:
        """Return how many of them an owner may have though all are taken: one more has less."""
        return max(1, self._limit.value // max(1, len(self._in_flight)))

    @property
    def pace_s(self) -> float:
        """Return the time from one refused caller's return to the next one's."""
        per_s = self._limit.per_s
        return GUESSED_PACE_S if per_s is None else LATE / per_s

    def _advance(self) -> None:
        now_s = self._clock()
        if self._total:
            self._busy_s += now_s - self._seen_at_s
        self._seen_at_s = now_s
