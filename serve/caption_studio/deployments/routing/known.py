"""What this gateway knows of the stages' replicas.

Serve makes the routers from copies of their classes, so what they share with the gateway's own code
is here.
"""

from collections import Counter
from collections.abc import Callable, Hashable
from typing import Protocol

from caption_studio.deployments.direct.frames import Address


class Router(Protocol):
    """A stage's router, as `direct.stage` needs it."""

    def pick(self, asked: object, is_lost: Callable[[Address], bool]) -> Address | None:
        """Return where to send a call with this argument, None if no replica can be reached."""
        ...


routers: dict[Hashable, Router] = {}
"""By the id that a Serve handle has of its deployment, too."""

under_way: Counter[str] = Counter()
"""This gateway's calls in progress, by replica."""


def ended(replica: str) -> None:
    """Count a call as over; a replica without any is forgotten."""
    under_way[replica] -= 1
    if under_way[replica] <= 0:
        under_way.pop(replica, None)
