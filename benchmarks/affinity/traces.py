"""What is asked for, and when: items drawn by Zipf's law or each but once, at Poisson's times."""

import random
from dataclasses import dataclass
from itertools import accumulate, islice


@dataclass(frozen=True)
class Trace:
    """Requests in an open loop: item number `items[i]` is asked for at second `due_s[i]`."""

    due_s: list[float]
    items: list[int]

    @property
    def distinct(self) -> int:
        """The number of different items."""
        return len(set(self.items))


def zipf(seed: int, *, rate_per_s: float, seconds: float, items: int, exponent: float) -> Trace:
    """Return requests of which the k-th most popular item gets a part like k ** -exponent."""
    source = random.Random(seed)
    due_s = _poisson(source, rate_per_s, seconds)
    weights = list(accumulate((rank + 1) ** -exponent for rank in range(items)))
    return Trace(due_s, source.choices(range(items), cum_weights=weights, k=len(due_s)))


def fresh(seed: int, *, rate_per_s: float, seconds: float) -> Trace:
    """Return requests for an item each that nobody asks for again."""
    due_s = _poisson(random.Random(seed), rate_per_s, seconds)
    return Trace(due_s, list(range(len(due_s))))


def _poisson(source: random.Random, rate_per_s: float, seconds: float) -> list[float]:
    gaps = (source.expovariate(rate_per_s) for _ in iter(int, 1))
    most = int(4 * rate_per_s * seconds) + 100
    return [due_s for due_s in islice(accumulate(gaps), most) if due_s < seconds]
