"""The routers of this process, for the gateway's own code.

Serve makes routers from copies of their classes, so they cannot be found by their classes' modules.
"""

from collections.abc import Callable, Hashable
from typing import Protocol

from caption_studio.deployments.direct.frames import Address


class Router(Protocol):
    """A stage's router, as `direct.stage` needs it."""

    def pick(self, asked: object, is_lost: Callable[[Address], bool]) -> Address | None:
        """Return where to send a call with this argument, None if no replica can be reached."""
        ...

    def begun(self, replica: str) -> None:
        """Count a call that begins at this replica."""
        ...

    def ended(self, replica: str) -> None:
        """Count a call as over."""
        ...


routers: dict[Hashable, Router] = {}
"""By the id that a Serve handle has of its deployment, too."""
