"""A writer → captions a second in batches, and the milliseconds of a lone caption.

Of this process, with transformers and PEFT: the service's own engine is faster.
"""

import time
from collections.abc import Callable, Sequence

from caption_studio.training.evaluation.measures.intervals import Measure, ratio_interval

LONE_CAPTIONS = 8

Write = Callable[[Sequence[str]], object]


class BatchTimes:
    """Takes the time of each batch as it is told of it."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._sizes: list[float] = []
        self._times_s: list[float] = []
        self._last_s = clock()

    def wrote(self, number: int) -> None:
        """Note that so many captions were written since the last call, or the beginning."""
        now_s = self._clock()
        self._sizes.append(number)
        self._times_s.append(max(now_s - self._last_s, 1e-9))
        self._last_s = now_s

    def per_second(self, *, seed: int) -> Measure:
        """Return the captions a second; at least one batch is needed."""
        value = sum(self._sizes) / sum(self._times_s)
        low, high = ratio_interval(self._sizes, self._times_s, seed=seed)
        return Measure(value, low, high, int(sum(self._sizes)))


def lone_caption_ms(
    write: Write, prompts: Sequence[str], *, seed: int, clock: Callable[[], float] | None = None
) -> Measure:
    """Return the mean milliseconds of one caption alone, after one that is not counted."""
    clock = clock or time.perf_counter
    chosen = prompts[:LONE_CAPTIONS]
    write(chosen[:1])
    times_ms = []
    for prompt in chosen:
        started_s = clock()
        write([prompt])
        times_ms.append(1000 * (clock() - started_s))
    ones = [1.0] * len(times_ms)
    low, high = ratio_interval(times_ms, ones, seed=seed)
    return Measure(sum(times_ms) / len(times_ms), low, high, len(times_ms))
