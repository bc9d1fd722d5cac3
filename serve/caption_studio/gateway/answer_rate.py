"""The rate of answers of a saturated service; pure."""

import math

MEMORY_S = 10.0
"""Decay time, in busy time: older answers count less and less."""

ENOUGH_ANSWERS = 5.0
"""With fewer in memory there is no rate."""

BREAK_ANSWERS = 3
"""An interval of up to this many mean intervals between answers is no break."""

BREAK_LATENCIES = 2
"""The same in mean latencies, because an engine may finish a whole batch at a time."""

LATENCY_ANSWERS = 32
"""The mean latency is that of about this many answers."""


class AnswerRate:
    """Answers per second of the time in which the service had more requests than it could answer.

    Both counts decay by a factor of e in `MEMORY_S` of that time, or in `memory_answers` where that
    is longer. An interval longer than an engine's usual break is cut to that: the cold start or
    replacement of a stage says little about its speed.
    """

    def __init__(self, memory_answers: int) -> None:
        self._kept_at_least = 1 - 1 / memory_answers
        self._answers = 0.0
        self._busy_s = 0.0
        self.latency_s = 0.0

    def saw_latency(self, latency_s: float) -> None:
        """Learn how long a request took, at any load."""
        weight = 1 / LATENCY_ANSWERS if self.latency_s else 1.0
        self.latency_s += (latency_s - self.latency_s) * weight

    def answered(self, busy_s: float) -> None:
        """Count an answer, `busy_s` after the one before.

        Zero means that the interval says nothing, because the service had too little to do.
        """
        if self._answers and self._busy_s:
            usual_s = BREAK_ANSWERS * self._busy_s / self._answers
            busy_s = min(busy_s, max(usual_s, BREAK_LATENCIES * self.latency_s))
        kept = max(math.exp(-busy_s / MEMORY_S), self._kept_at_least)
        self._answers = self._answers * kept + 1
        self._busy_s = self._busy_s * kept + busy_s

    @property
    def per_s(self) -> float | None:
        """Return the rate; None while it is unknown."""
        if self._answers < ENOUGH_ANSWERS or self._busy_s == 0:
            return None
        return self._answers / self._busy_s
