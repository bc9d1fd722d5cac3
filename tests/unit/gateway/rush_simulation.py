"""Gateway, stages and callers as events on a clock that is turned, never waited for.

The stages are one engine that works on up to `batch` requests at a time. One alone takes `alone_s`;
with n together each takes `alone_s + (n - 1) / per_s`, so that a large batch is answered at
`per_s`. The engine takes requests in order and says of each whether its batch was full.
"""

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from caption_studio.errors import Overloaded
from caption_studio.gateway.concurrency_limit import ConcurrencyLimit
from caption_studio.gateway.places import Place, Places

TIMEOUT_S = 120.0
"""Of a request in the gateway."""


class Events:
    """What happens when; `now_s` is the turned clock."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self._numbers = itertools.count()
        self._heap: list[tuple[float, int, Callable[[], None]]] = []

    def after(self, delay_s: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (self.now_s + delay_s, next(self._numbers), do))

    def run(self, until_s: float) -> None:
        """Let `until_s` seconds pass, or as many as there are events for."""
        ends_at_s = self.now_s + until_s
        while self._heap and self._heap[0][0] <= ends_at_s:
            self.now_s, _, do = heapq.heappop(self._heap)
            do()


@dataclass
class Engine:
    """Shares its speed among all in the batch; `speed` 0 is one that sleeps."""

    events: Events
    batch: int
    alone_s: float
    per_s: float
    speed: float = 1.0
    _done: float = 0.0  # the part of a request that each in the batch has been given so far
    _seen_at_s: float = 0.0
    _running: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _waiting: deque[tuple[float, int, Callable[[], None]]] = field(default_factory=deque)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _plan: int = 0

    def take(self, size: float, done: Callable[[], None]) -> bool:
        """Work on one more; return whether it has to wait for a place."""
        self._advance()
        self._waiting.append((size, next(self._numbers), done))
        is_full = len(self._running) >= self.batch
        self._fill()
        return is_full

    def set_speed(self, speed: float) -> None:
        self._advance()
        self.speed = speed
        self._fill()

    def _pace(self) -> float:
        """Return the part of each request that is done in a second."""
        return self.speed / (self.alone_s + (len(self._running) - 1) / self.per_s)

    def _advance(self) -> None:
        if self._running:
            self._done += (self.events.now_s - self._seen_at_s) * self._pace()
        self._seen_at_s = self.events.now_s

    def _fill(self) -> None:
        while self._waiting and len(self._running) < self.batch:
            size, number, done = self._waiting.popleft()
            heapq.heappush(self._running, (self._done + size, number, done))
        self._plan += 1
        if self._running and self.speed:
            left = max(0.0, self._running[0][0] - self._done)
            plan = self._plan
            self.events.after(left / self._pace(), lambda: self._finish(plan))

    def _finish(self, plan: int) -> None:
        if plan != self._plan:
            return
        self._advance()
        _, _, done = heapq.heappop(self._running)
        self._fill()
        done()


@dataclass
class Outcome:
    """How one caller's request ended: answered (or not) after so many tries."""

    owner: Hashable
    came_at_s: float
    ended_at_s: float
    tries: int
    answered: bool
    waited_s: float
    """Of the try that got in."""


class Service:
    """One gateway's places before one engine, and the callers' retries."""

    def __init__(
        self,
        *,
        alone_s: float = 0.1,
        per_s: float = 100.0,
        batch: int = 64,
        max_in_flight: int = 512,
        max_predicted_s: float = 15.0,
        speed: float = 1.0,
        seed: int = 1,
    ) -> None:
        self.events = Events()
        self.engine = Engine(self.events, batch, alone_s, per_s, speed)
        limit = ConcurrencyLimit(batch, max_in_flight, max_predicted_s)
        self.limit = limit
        self.places = Places(limit, lambda: self.events.now_s)
        self.outcomes: list[Outcome] = []
        self.refusals: list[int] = []
        self._random = random.Random(seed)

    def ask(
        self,
        owner: Hashable = None,
        *,
        max_retries: int = 2,
        then: Callable[[], None] = lambda: None,
    ) -> None:
        """Ask as the official client does: again after `Retry-After`, `max_retries` times."""
        came_at_s = self.events.now_s

        def attempt(tries: int) -> None:
            try:
                place = self.places.enter(owner)
            except Overloaded as error:
                wait_s = error.retry_after_s or 0
                self.refusals.append(wait_s)
                if tries > max_retries:
                    end(tries, answered=False, entered_at_s=self.events.now_s)
                else:
                    delay_s = wait_s + self._random.uniform(0.0, 0.05)
                    self.events.after(delay_s, lambda: attempt(tries + 1))
                return
            self._work(place, lambda answered: end(tries, answered, place.since_s))

        def end(tries: int, answered: bool, entered_at_s: float) -> None:
            now_s = self.events.now_s
            self.outcomes.append(
                Outcome(owner, came_at_s, now_s, tries, answered, now_s - entered_at_s)
            )
            then()

        attempt(1)

    def _work(self, place: Place, end: Callable[[bool], None]) -> None:
        left = False
        queued = False

        def leave(answered: bool) -> None:
            nonlocal left
            if not left:
                left = True
                self.places.leave(place, answered=answered, queued=queued)
                end(answered)

        queued = self.engine.take(self._random.uniform(0.7, 1.3), lambda: leave(True))
        self.events.after(TIMEOUT_S, lambda: leave(False))

    def keep_asking(self, callers: int, for_s: float, owner: Hashable = None) -> None:
        """Have so many callers ask, each again when its request has ended."""
        until_s = self.events.now_s + for_s

        def again() -> None:
            if self.events.now_s < until_s:
                self.ask(owner, then=again)

        for _ in range(callers):
            self.events.after(self._random.uniform(0.0, 0.01), again)

    def come(self, per_s: float, for_s: float, owner: Hashable = None) -> None:
        """Have independent callers come, at random times, none of whom tries again."""
        at_s = 0.0
        while (at_s := at_s + self._random.expovariate(per_s)) < for_s:
            self.events.after(at_s, lambda: self.ask(owner, max_retries=0))

    def rush(self, count: int, max_retries: int = 2, owner: Hashable = None) -> None:
        """Have so many callers ask within a tenth of a second."""
        for _ in range(count):
            delay_s = self._random.uniform(0.0, 0.1)
            self.events.after(delay_s, lambda: self.ask(owner, max_retries=max_retries))

    def answered(self, since_s: float = 0.0, owner: Hashable = ...) -> list[Outcome]:
        """Return what was answered from that time on."""
        return [
            one
            for one in self.outcomes
            if one.answered and one.ended_at_s >= since_s and owner in (..., one.owner)
        ]

    def failed(self) -> list[Outcome]:
        return [one for one in self.outcomes if not one.answered]

    def per_window(self, since_s: float, window_s: float = 5.0) -> list[int]:
        """Return the answers in each window from then to the last of them."""
        ends_s = [one.ended_at_s - since_s for one in self.answered(since_s)]
        counts = [0] * (int(max(ends_s) / window_s) + 1)
        for end_s in ends_s:
            counts[int(end_s / window_s)] += 1
        return counts
