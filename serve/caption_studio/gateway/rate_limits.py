"""How often each key may ask, as pure ASGI: refused before the body is read.

The limit is that of the key's line in the key file, or else that of the settings, and holds per
gateway replica. The key is found out before, by gateway.authentication.
"""

import math
import time
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from caption_studio.errors import RateLimitExceeded
from caption_studio.gateway.error_responses import refuse
from caption_studio.gateway.keys import ApiKey


class RateLimits:
    """Lets each key's requests through at most at its rate. `clock` gives seconds."""

    def __init__(
        self,
        app: ASGIApp,
        requests_per_minute: int | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._requests_per_minute = requests_per_minute
        self._clock = clock
        self._buckets: dict[bytes, _Bucket] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it before its body is read."""
        key: ApiKey | None = scope.get("caption_studio.key")
        if key is not None:
            try:
                self._take(key)
            except RateLimitExceeded as error:
                await refuse(error, scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _take(self, key: ApiKey) -> None:
        per_minute = key.requests_per_minute or self._requests_per_minute
        if per_minute is None:
            return
        bucket = self._buckets.get(key.digest)
        if bucket is None or bucket.per_minute != per_minute:
            bucket = self._buckets[key.digest] = _Bucket(per_minute, self._clock)
        bucket.take()


class _Bucket:
    """A token bucket that holds a minute's requests."""

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self.per_minute = per_minute
        self._per_s = per_minute / 60
        self._clock = clock
        self._level = float(per_minute)
        self._filled_at = clock()

    def take(self) -> None:
        now = self._clock()
        self._level = min(self.per_minute, self._level + (now - self._filled_at) * self._per_s)
        self._filled_at = now
        if self._level < 1:
            wait_s = math.ceil((1 - self._level) / self._per_s)
            raise RateLimitExceeded(
                "Rate limit reached for this API key.", retry_after_s=max(1, wait_s)
            )
        self._level -= 1
