"""Key → the replicas in the order in which they may have it: consistent hashing with bounded loads.

Every replica has many points on a ring of hashes. A key belongs to the replica of the next point. A
replica that comes or goes takes or leaves only the keys before its own points. Whoever knows the
same names has the same ring, so gateways agree without asking each other.

Sources: Karger et al., "Consistent hashing and random trees" (1997); Mirrokni, Thorup and
Zadimoghaddam, "Consistent hashing with bounded loads" (2016, arXiv:1608.01350).
"""

import hashlib
import math
from bisect import bisect
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

POINT_BYTES = 8
POINTS = 128
"""Of each replica. With two replicas, each has 44 to 56 % of the keys in most cases."""

LOAD_FACTOR = 1.25
"""A replica's highest load, in means. HAProxy advises 1.25 to 2 for its `hash-balance-factor`."""

FREE = 2
"""Requests of one gateway that a replica may always have. While most have one or none, 1.25 times
their mean is one, and many a picture would leave its replica for little gain."""

KNOWN_NAMES = 1024
"""Replicas whose points are remembered, so that a change costs the new ones' hashes only."""


class Ring:
    """The replicas of these names; it never changes."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = frozenset(names)
        points = sorted((point, name) for name in self.names for point in _points(name))
        self._points = [point for point, _ in points]
        self._names = [name for _, name in points]

    def walk(self, key: bytes) -> Iterator[str]:
        """Yield every name once: first the key's owner, then those whose points come next."""
        start = bisect(self._points, _hash(key, POINT_BYTES))
        seen: set[str] = set()
        for position in range(start - len(self._names), start):
            name = self._names[position]
            if name not in seen:
                seen.add(name)
                yield name
                if len(seen) == len(self.names):
                    return


def bound(total: int, replicas: int) -> int:
    """Return the most that a replica may have of `total` requests in progress."""
    return max(FREE, math.ceil(LOAD_FACTOR * total / replicas))


def first_within_bound(order: Iterable[str], loads: Mapping[str, int]) -> str | None:
    """Return the first name in `order` that may take one more request, None if there is none.

    `loads` has the requests in progress of those that may be chosen. One of them is always below
    the bound, because the bound is above their mean.
    """
    if not loads:
        return None
    most = bound(sum(loads.values()) + 1, len(loads))
    return next((name for name in order if name in loads and loads[name] < most), None)


@lru_cache(KNOWN_NAMES)
def _points(name: str) -> tuple[int, ...]:
    longest = hashlib.blake2b.MAX_DIGEST_SIZE
    count = POINTS * POINT_BYTES // longest
    digests = b"".join(
        hashlib.blake2b(f"{name}:{part}".encode(), digest_size=longest).digest()
        for part in range(count)
    )
    starts = range(0, len(digests), POINT_BYTES)
    return tuple(int.from_bytes(digests[start : start + POINT_BYTES]) for start in starts)


def _hash(key: bytes, size_bytes: int) -> int:
    return int.from_bytes(hashlib.blake2b(key, digest_size=size_bytes).digest())
