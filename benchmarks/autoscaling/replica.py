"""One replica's engine: requests in flight share its measured rate evenly.

The engine holds as many as its curve was measured with; more wait in order.
"""

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(eq=False, slots=True)
class Replica:
    """`rates[n]` is the requests/s with n in flight. Times are the simulation's, in seconds."""

    rates: Sequence[float]
    draining: bool = False
    ongoing: int = 0
    """Number of its requests, waiting ones too."""
    finished: int = 0
    changes: int = 0
    """Number of changes; an end that was planned before the last one no longer holds."""
    _done: float = 0.0
    """Work done for each request that has been in flight since the start, in mean requests."""
    _now_s: float = 0.0
    _running: list[tuple[float, int]] = field(default_factory=list)
    _waiting: deque[tuple[int, float]] = field(default_factory=deque)

    @property
    def requests(self) -> list[int]:
        """Return its requests, waiting ones too."""
        return [request for _, request in self._running] + [request for request, _ in self._waiting]

    def add(self, now_s: float, request: int, work: float) -> None:
        """Take a request that is `work` times as long as the mean one."""
        self._advance(now_s)
        self._waiting.append((request, work))
        self.ongoing += 1
        self._fill()

    def next_end_s(self) -> float | None:
        """Return when the next request ends if nothing changes; None without a request."""
        if not self._running:
            return None
        count = len(self._running)
        left = max(0.0, self._running[0][0] - self._done)
        return self._now_s + left * count / self.rates[count]

    def end_next(self, now_s: float) -> int:
        """Return the request that ends now."""
        self._advance(now_s)
        _, request = heapq.heappop(self._running)
        self.ongoing -= 1
        self.finished += 1
        self._fill()
        return request

    def _advance(self, now_s: float) -> None:
        if count := len(self._running):
            self._done += (now_s - self._now_s) * self.rates[count] / count
        self._now_s = now_s
        self.changes += 1

    def _fill(self) -> None:
        while self._waiting and len(self._running) < len(self.rates) - 1:
            request, work = self._waiting.popleft()
            heapq.heappush(self._running, (self._done + work, request))
