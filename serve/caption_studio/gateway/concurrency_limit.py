"""How many requests may be in flight: more while no stage has a queue, else by the answer rate.

By Little's law, the latency is the number of requests in flight divided by the answers per second.
The answer rate is the stages' capacity only while they are saturated: a stage with few requests
gives few answers. So the rate is learnt while requests have to wait for a stage, or while all
places are taken. The limit follows the rate only while requests wait. While none waits, each answer
adds a place: in one round of answers the limit doubles, as in TCP's slow start (RFC 5681).

The limit is never below one engine's batch, which an engine answers together. Each gateway may have
that many, however many gateways there are: it does not know of the others, and there are only as
many as there is work for.
"""

from collections import deque

from caption_studio.gateway.answer_rate import AnswerRate
from caption_studio.limits import GUESSED_PACE_S

RECENT_ANSWERS = 16
"""The number of latest answers that show whether the stages have a queue."""

WAITED_ANSWERS = 2
"""The stages have a queue if this many of them waited: one may have met others by chance."""

MEMORY_ANSWERS = 32
"""The answers that the rate remembers, or two batches if that is more."""


class ConcurrencyLimit:
    """The limit of one gateway, and the rate at which its places come free.

    It lies between `smallest` and `largest`. `max_predicted_s` is the time in which all requests in
    flight can be answered.
    """

    def __init__(self, smallest: int, largest: int, max_predicted_s: float) -> None:
        self.smallest = min(smallest, largest)
        self._largest = largest
        self._max_predicted_s = max_predicted_s
        self._value = float(largest)
        self._rate = AnswerRate(memory_answers=max(MEMORY_ANSWERS, 2 * smallest))
        self._waited: deque[bool] = deque(maxlen=RECENT_ANSWERS)
        self._was_pressed = False

    @property
    def value(self) -> int:
        """Return how many may be in flight."""
        return int(self._value)

    @property
    def per_s(self) -> float | None:
        """Return how many places come free per second; None if unknown.

        Before the stages had a queue it is a guess: one engine's batch per mean latency.
        """
        if (per_s := self._rate.per_s) is not None or not self._rate.latency_s:
            return per_s
        return min(1 / GUESSED_PACE_S, self.smallest / self._rate.latency_s)

    @property
    def has_queue(self) -> bool:
        """Return whether the stages have a queue, as far as the latest answers show."""
        return sum(self._waited) >= WAITED_ANSWERS

    def answered(self, since_last_s: float, latency_s: float, *, queued: bool, full: bool) -> None:
        """Learn from an answer.

        `since_last_s` is the busy time since the one before, `queued` says that the request had to
        wait for a stage, `full` that all places were taken.
        """
        self._waited.append(queued or latency_s > self._max_predicted_s)
        has_queue = self.has_queue
        pressed = has_queue or full
        if pressed:
            self._rate.answered(since_last_s if self._was_pressed else 0.0)
        self._rate.saw_latency(latency_s)
        self._was_pressed = pressed
        if not has_queue:
            self._set(self._value + 1)
        elif (per_s := self._rate.per_s) is not None:
            self._set(per_s * self._max_predicted_s)

    def answered_beside(self, since_last_s: float) -> None:
        """Count an answer to a request that takes no place: it is of the stages' capacity too."""
        if self._was_pressed:
            self._rate.answered(since_last_s)

    def _set(self, value: float) -> None:
        self._value = max(self.smallest, min(self._largest, value))
