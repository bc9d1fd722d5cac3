"""How many answers a second a service gives that has all the work it can take; pure."""

import math

MEMORY_S = 10.0
"""Of busy time: what was answered longer ago counts less and less."""

ENOUGH_ANSWERS = 5.0
"""Fewer in memory tell no rate."""

BREAK_ANSWERS = 3
"""Usual distances between two answers that are no break yet."""

BREAK_LATENCIES = 2
"""The same in usual latencies: an engine may finish a whole batch at a time."""

LATENCY_ANSWERS = 32
"""The usual latency is the mean of about so many."""


class AnswerRate:
    """Answers per second of the time in which there was more to answer than could be.

    Both counts decay by a factor of e in `MEMORY_S` of that time, or in `memory_answers` where
    that is longer. A longer break than an engine usually makes counts as a usual one: a stage
    that woke or was replaced says little of how fast it is.
    """

    def __init__(self, memory_answers: int) -> None:
        self._kept_at_least = 1 - 1 / memory_answers
        self._answers = 0.0
        self._busy_s = 0.0
        self.latency_s = 0.0

    def saw_latency(self, latency_s: float) -> None:
        """Learn how long a request took, whatever else there was to do."""
        weight = 1 / LATENCY_ANSWERS if self.latency_s else 1.0
        self.latency_s += (latency_s - self.latency_s) * weight

    def answered(self, busy_s: float) -> None:
        """Count an answer, that many seconds after the one before.

        Zero seconds stand for a time that says nothing: before it there was too little to do.
        """
        if self._answers and self._busy_s:
            usual_s = BREAK_ANSWERS * self._busy_s / self._answers
            busy_s = min(busy_s, max(usual_s, BREAK_LATENCIES * self.latency_s))
        kept = max(math.exp(-busy_s / MEMORY_S), self._kept_at_least)
        self._answers = self._answers * kept + 1
        self._busy_s = self._busy_s * kept + busy_s

    @property
    def per_s(self) -> float | None:
        """Return the rate; None as long as there is none to tell."""
        if self._answers < ENOUGH_ANSWERS or self._busy_s == 0:
            return None
        return self._answers / self._busy_s
