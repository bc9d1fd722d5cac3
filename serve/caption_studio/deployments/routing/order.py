"""Key → the replicas in the order in which they may have it: rendezvous hashing with bounded loads.

Every key has an order of its own of all replicas. It belongs to the first, and each replica is the
first of equally many keys. A replica that comes or goes takes or leaves only the keys whose first
it is. Whoever knows the same names finds the same orders, so gateways agree without asking each
other.

Sources: Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (1998); Mirrokni,
Thorup and Zadimoghaddam, "Consistent hashing with bounded loads" (2016, arXiv:1608.01350).
"""

import hashlib
import math
from collections.abc import Iterable, Mapping

LOAD_FACTOR = 1.25
"""A replica's highest load, in means. HAProxy advises 1.25 to 2 for its `hash-balance-factor`."""

FREE = 2
"""Requests of one gateway that a replica may always have. While most have one or none, 1.25 times
their mean is one, and many a picture would leave its replica for little gain."""

DIGEST_BYTES = 8


def in_order(key: bytes, names: Iterable[str]) -> list[str]:
    """Return the names in the key's order; that takes a microsecond for each."""
    start = hashlib.blake2b(key, digest_size=DIGEST_BYTES)

    def place(name: str) -> bytes:
        digest = start.copy()
        digest.update(name.encode())
        return digest.digest()

    return sorted(names, key=place)


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
