"""What a run takes: tokens, time of its machines, money at their price per hour.

It is that of this run alone: a run that goes on with an earlier one's table does not know what that
one took.
"""

import time
from collections.abc import Callable, Mapping

from caption_studio.offline.messages import Done

HOUR_S = 3600.0
_KINDS = ("CPU", "GPU")


class Spent:
    """What was taken since it was made. The price is that of all machines, in any currency."""

    def __init__(
        self, price_per_hour: float | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._price_per_hour = price_per_hour
        self._clock = clock
        self._begun_s = clock()
        self._first_s = self._begun_s
        self._pictures = self._tokens_in = self._tokens_out = 0
        self._has: Mapping[str, float] = {}
        self._has_since_s = self._begun_s
        self._hours = dict.fromkeys(_KINDS, 0.0)

    def run_on(self, has: Mapping[str, float]) -> None:
        """Count the time of these machines from now on, as `ray.cluster_resources` names them."""
        self._hours = self._machine_hours()
        self._has, self._has_since_s = has, self._clock()

    def add(self, done: Done) -> None:
        """Count a picture."""
        if not self._pictures:
            self._first_s = self._clock()
        self._pictures += 1
        self._tokens_in += done.tokens_in
        self._tokens_out += done.tokens_out

    def told(self, expected: int) -> str:
        """Return all of it for people; with a price also the cost of so many pictures."""
        parts = [f"{self._tokens_in:,} tokens in, {self._tokens_out:,} out"]
        hours = self._machine_hours()
        parts += [f"{hours[kind]:,.3f} {kind}-hours" for kind in _KINDS if hours[kind]]
        if self._price_per_hour is not None:
            parts.append(self._cost_told(self._price_per_hour, expected))
        return ", ".join(parts)

    def _cost_told(self, price_per_hour: float, expected: int) -> str:
        now_s = self._clock()
        left_s = 0.0
        if self._pictures > 1:  # the pace is that from the first one on: the models start before it
            left_s = (now_s - self._first_s) / (self._pictures - 1) * (expected - self._pictures)
        so_far, in_all = (
            price_per_hour * seconds / HOUR_S
            for seconds in (now_s - self._begun_s, now_s - self._begun_s + left_s)
        )
        return f"cost {so_far:.4f} of about {in_all:.4f}" if left_s else f"cost {so_far:.4f}"

    def _machine_hours(self) -> dict[str, float]:
        hours = (self._clock() - self._has_since_s) / HOUR_S
        return {kind: self._hours[kind] + self._has.get(kind, 0.0) * hours for kind in _KINDS}
