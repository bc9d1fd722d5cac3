"""How long the last calls to a stage kept their callers waiting."""

import math
import time
from collections import deque
from collections.abc import Callable

LATELY_S = 10.0
"""Waits that ended longer ago are forgotten. Serve looks back five seconds, every two of them."""

MOST = 1000
"""Waits that are remembered at most, the last ones: 95 % of them is a matter of fifty."""


class Waits:
    """The waits of one stage's calls, in seconds by a clock that only rises."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ended: deque[tuple[float, float]] = deque(maxlen=MOST)

    def begin(self) -> Callable[[], None]:
        """Return what is called at the end of a wait that begins now; it counts once."""
        began_s = self._clock()
        is_over = False

        def end() -> None:
            nonlocal is_over
            if not is_over:
                is_over = True
                now_s = self._clock()
                self._ended.append((now_s, now_s - began_s))

        return end

    def p95_s(self) -> float:
        """Return the time within which 95 % of the waits of late ended; 0 if there was none."""
        now_s = self._clock()
        while self._ended and self._ended[0][0] < now_s - LATELY_S:
            self._ended.popleft()
        waits_s = sorted(wait_s for _, wait_s in self._ended)
        return waits_s[math.ceil(0.95 * len(waits_s)) - 1] if waits_s else 0.0
