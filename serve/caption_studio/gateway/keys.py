"""Who may ask, and how often: API keys and each key's rate limit, as pure ASGI.

Checked before the body is read. Keys are kept and compared as SHA-256 digests only.
"""

import hashlib
import hmac
import logging
import math
import time
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from caption_studio.errors import CaptionStudioError, InvalidAPIKey, RateLimitExceeded
from caption_studio.gateway.error_responses import refuse
from caption_studio.settings import GatewaySettings

logger = logging.getLogger(__name__)

GUARDED = ("/v1/", "/metrics")
"""Beginnings of the paths that need a key where keys are configured."""


def key_digests(settings: GatewaySettings) -> tuple[bytes, ...]:
    """Return the digests of the keys in the settings and in their file, one key a line.

    Raises:
        OSError: the file cannot be read: no start rather than an open door.
        ValueError: the file is there and holds no key.
    """
    keys = [key.get_secret_value() for key in settings.api_keys]
    if settings.api_keys_file is not None:
        lines = settings.api_keys_file.read_text().split()
        if not lines:
            raise ValueError(f"{settings.api_keys_file} holds no API key")
        keys += lines
    if not keys:
        logger.warning("no API keys are configured: whoever reaches the port is served")
    return tuple(_digest(key.encode()) for key in keys)


class Keys:
    """Lets requests with a known key through, each key at most at its rate.

    The key's fingerprint goes into the log line. `clock` gives seconds.
    """

    def __init__(
        self,
        app: ASGIApp,
        digests: tuple[bytes, ...],
        requests_per_minute: int | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._digests = digests
        self._buckets = (
            {digest: _Bucket(requests_per_minute, clock) for digest in digests}
            if requests_per_minute is not None
            else {}
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it before its body is read."""
        if self._digests and scope["type"] == "http" and scope["path"].startswith(GUARDED):
            try:
                self._admit(scope)
            except CaptionStudioError as error:
                await refuse(error, scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _admit(self, scope: Scope) -> None:
        given = _digest(_bearer_token(scope))
        # All of them, whichever fits: the time taken tells nothing.
        known = [digest for digest in self._digests if hmac.compare_digest(digest, given)]
        if not known:
            raise InvalidAPIKey("Incorrect or missing API key.")
        log: dict[str, Any] = scope["caption_studio.log"]
        log["key"] = given.hex()[:8]
        if given in self._buckets:
            self._buckets[given].take()


class _Bucket:
    """A token bucket that holds a minute's requests."""

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self._capacity = float(per_minute)
        self._per_s = per_minute / 60
        self._clock = clock
        self._level = self._capacity
        self._filled_at = clock()

    def take(self) -> None:
        now = self._clock()
        self._level = min(self._capacity, self._level + (now - self._filled_at) * self._per_s)
        self._filled_at = now
        if self._level < 1:
            wait_s = math.ceil((1 - self._level) / self._per_s)
            raise RateLimitExceeded(
                "Rate limit reached for this API key.", retry_after_s=max(1, wait_s)
            )
        self._level -= 1


def _bearer_token(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, token = value.partition(b" ")
            return bytes(token.strip()) if scheme.lower() == b"bearer" else b""
    return b""


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
