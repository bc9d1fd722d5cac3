"""Who gets in: as many requests as can be answered in time, shared out between API keys.

How long a request will take follows from Little's law: those in flight, divided by how many are
answered in a second. The rate is measured here, so it is that of the machines, models and
requests there are; with it a gateway replica needs to know nothing of the queues behind it.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Hashable

from starlette.types import ASGIApp, Receive, Scope, Send

from caption_studio.errors import MAX_RETRY_AFTER_S, RETRY_AFTER_S, Overloaded
from caption_studio.gateway.error_responses import refuse

MEMORY_S = 10.0
"""Of busy time: what was answered longer ago counts less and less."""

MEMORY_ANSWERS = 32
"""The same, where fewer than these are answered in that time."""

ENOUGH_ANSWERS = 5.0
"""Fewer in memory tell no rate."""


class AnswerRate:
    """Answers per second of the time in which there was something to answer.

    Both counts decay by a factor of e in `MEMORY_S` of busy time, or in `MEMORY_ANSWERS` where
    that is longer. A break counts as no more than three usual ones or that time: a stage that
    woke or was replaced says little of how fast it is. What passes before the very first answer
    does not count: it is how long the stages take, not how many they answer in it. A gateway
    that starts in a rush would take them for slow, and refuse what they can do.
    """

    def __init__(self) -> None:
        self._answers = 0.0
        self._busy_s = 0.0

    def answered(self, busy_s: float) -> None:
        """Count an answer, that many busy seconds after the one before."""
        if self._answers:
            usual_s = self._busy_s / self._answers
            busy_s = min(busy_s, max(MEMORY_S, 3 * usual_s))
        else:
            busy_s = 0.0
        kept = max(math.exp(-busy_s / MEMORY_S), 1 - 1 / MEMORY_ANSWERS)
        self._answers = self._answers * kept + 1
        self._busy_s = self._busy_s * kept + busy_s

    @property
    def per_s(self) -> float | None:
        """Return the rate; None as long as there is none to tell."""
        if self._answers < ENOUGH_ANSWERS or self._busy_s == 0:
            return None
        return self._answers / self._busy_s


class Places:
    """The places inside one gateway, and the line of those who were told to come back.

    `max_in_flight` bounds the places, `max_predicted_s` the time that whoever is let in can
    expect. `clock` gives seconds.
    """

    def __init__(
        self, max_in_flight: int, max_predicted_s: float, clock: Callable[[], float]
    ) -> None:
        self._max_in_flight = max_in_flight
        self._max_predicted_s = max_predicted_s
        self._clock = clock
        self._in_flight: Counter[Hashable] = Counter()
        self._total = 0
        self._rate = AnswerRate()
        self._busy_s = 0.0  # since the last answer
        self._seen_at_s = clock()
        self._line_ends_at_s = 0.0

    def enter(self, owner: Hashable) -> None:
        """Take a place for one of the owner's requests.

        Raises `Overloaded` when all are taken, but for an owner with less than its share of
        them: it need not wait until others have left.
        """
        self._advance()
        limit = self._limit()
        owners = len(self._in_flight) + (owner not in self._in_flight)
        if self._total >= limit and self._in_flight[owner] >= max(1, limit // owners):
            raise Overloaded(
                "The service is full. Try again soon.", retry_after_s=self._back_in_line()
            )
        self._in_flight[owner] += 1
        self._total += 1

    def leave(self, owner: Hashable, *, answered: bool) -> None:
        """Give the place back; `answered` says that the models did the work."""
        self._advance()
        self._in_flight[owner] -= 1
        if not self._in_flight[owner]:
            del self._in_flight[owner]
        self._total -= 1
        if answered:
            self._rate.answered(self._busy_s)
            self._busy_s = 0.0

    def _advance(self) -> None:
        now_s = self._clock()
        if self._total:
            self._busy_s += now_s - self._seen_at_s
        self._seen_at_s = now_s

    def _limit(self) -> int:
        per_s = self._rate.per_s
        if per_s is None:
            return self._max_in_flight
        return max(1, min(self._max_in_flight, int(per_s * self._max_predicted_s)))

    def _back_in_line(self) -> int:
        """Return in how many seconds it is the turn of one more who was sent away."""
        per_s = self._rate.per_s
        if per_s is None:
            return RETRY_AFTER_S
        now_s = self._seen_at_s
        self._line_ends_at_s = min(
            max(self._line_ends_at_s, now_s) + 1 / per_s, now_s + MAX_RETRY_AFTER_S
        )
        return math.ceil(self._line_ends_at_s - now_s)


class Admission:
    """Lets a request in if its answer can be there in time, and refuses it at once if not."""

    def __init__(
        self,
        app: ASGIApp,
        max_in_flight: int,
        max_predicted_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._places = Places(max_in_flight, max_predicted_s, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it before its body is read."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        owner = scope.get("caption_studio.key")
        try:
            self._places.enter(owner)
        except Overloaded as error:
            await refuse(error, scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            answered = scope.get("caption_studio.status") == 200
            self._places.leave(owner, answered=answered)
