"""The budget of bytes for all request bodies in one gateway, shared out between API keys.

Requests are limited by number (gateway.admission), and by size here: 512 texts are small, but 512
pictures of 4 MB exceed a gateway's memory. A body is held from the moment its length is known until
its pictures are decoded, and so are the uploaded pictures that it names.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Hashable

from starlette.types import ASGIApp, Receive, Scope, Send

from caption_studio.errors import MAX_RETRY_AFTER_S, BodyTooLarge, Overloaded
from caption_studio.gateway.request_class import class_of

FREE_BYTES = 64 * 1024
"""Not counted of each body, so that clients with texts do not wait for those with pictures."""

USUAL_HOLD_S = 1.0
"""Assumed time for which a body is held, before any was released."""

HELD = "caption_studio.held_bytes"
"""The key of a request's `HeldBytes` in its scope."""


class ByteBudget:
    """At most `max_bytes`. `clock` gives seconds.

    Where requests have keys, an owner may hold no more than is then left for others: alone it has
    half, two have a third each. So some room is left for a further owner. A request is exempt from
    this while its owner has no other: so each that is no larger than the budget is answered.
    """

    def __init__(self, max_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_bytes = max_bytes
        self._clock = clock
        self._total_bytes = 0
        self._owners_bytes: Counter[Hashable] = Counter()
        self._hold_s = USUAL_HOLD_S
        self._line_ends_at_s = 0.0

    @property
    def held_bytes(self) -> int:
        """Return the bytes that all requests hold together."""
        return self._total_bytes

    def take(self, owner: Hashable, count_bytes: int, *, has_bytes: int = 0) -> None:
        """Hold `count_bytes` more for a request of the owner that holds `has_bytes` already.

        Raises `BodyTooLarge` if the request is larger than the budget, `Overloaded` if there is no
        room now.
        """
        if has_bytes + count_bytes > self._max_bytes:
            raise BodyTooLarge(
                "A request's body and the files that it names may have at most "
                f"{self._max_bytes} bytes together."
            )
        free_bytes = self._max_bytes - self._total_bytes - count_bytes
        owners_bytes = self._owners_bytes[owner] + count_bytes
        alone = self._owners_bytes[owner] == has_bytes
        if free_bytes < 0 or (owner is not None and not alone and owners_bytes > free_bytes):
            raise Overloaded(
                "The service is full. Try again soon.",
                retry_after_s=self._back_in_line(count_bytes),
            )
        self._owners_bytes[owner] = owners_bytes
        self._total_bytes += count_bytes

    def let_go(self, owner: Hashable, count_bytes: int, held_s: float) -> None:
        """Release bytes that were held for `held_s`."""
        self._total_bytes -= count_bytes
        self._owners_bytes[owner] -= count_bytes
        if not self._owners_bytes[owner]:
            del self._owners_bytes[owner]
        self._hold_s += (held_s - self._hold_s) / 16

    def _back_in_line(self, count_bytes: int) -> int:
        """Return in how many seconds there should be room for one more refused request."""
        now_s = self._clock()
        wait_s = self._hold_s * count_bytes / self._max_bytes
        self._line_ends_at_s = min(
            max(self._line_ends_at_s, now_s) + wait_s, now_s + MAX_RETRY_AFTER_S
        )
        return max(1, math.ceil(self._line_ends_at_s - now_s))


class HeldBytes:
    """The part of the budget that one request holds."""

    def __init__(
        self, budget: ByteBudget, owner: Hashable, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._budget = budget
        self._owner = owner
        self._clock = clock
        self._since_s = clock()
        self._bytes = 0

    def grow_to(self, body_bytes: int) -> None:
        """Hold as much as a body of this size takes. Raises as `ByteBudget.take`."""
        more_bytes = body_bytes - FREE_BYTES - self._bytes
        if more_bytes > 0:
            self.grow_by(more_bytes)

    def grow_by(self, count_bytes: int) -> None:
        """Hold so many bytes more. Raises as `ByteBudget.take`."""
        self._budget.take(self._owner, count_bytes, has_bytes=self._bytes)
        self._bytes += count_bytes

    def let_go(self) -> None:
        """Release everything. Idempotent."""
        if self._bytes:
            self._budget.let_go(self._owner, self._bytes, self._clock() - self._since_s)
            self._bytes = 0


class BodyBytes:
    """Has each request hold the bytes of its body until it is answered or releases them.

    Requests of class `batch` hold those of a budget of their own, `batches`.
    """

    def __init__(self, app: ASGIApp, budget: ByteBudget, batches: ByteBudget) -> None:
        self._app = app
        self._budget = budget
        self._batches = batches

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        budget = self._batches if class_of(scope) == "batch" else self._budget
        held = scope[HELD] = HeldBytes(budget, scope.get("caption_studio.key"))
        try:
            await self._app(scope, receive, send)
        finally:
            held.let_go()
