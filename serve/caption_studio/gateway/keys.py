"""Who may ask, and how often: API keys and each key's rate limit, as pure ASGI.

Checked before the body is read. Keys are kept and compared as SHA-256 digests only. Admin keys
are others than API keys, and open other doors (gateway.admin).
"""

import hashlib
import hmac
import logging
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send

from caption_studio.errors import CaptionStudioError, InvalidAPIKey, RateLimitExceeded
from caption_studio.gateway.error_responses import refuse
from caption_studio.settings import GatewaySettings

logger = logging.getLogger(__name__)

GUARDED = ("/v1/", "/metrics")
"""Beginnings of the paths that need a key where keys are configured."""

ADMIN = "/v1/admin/"
"""Beginning of the paths that ask for an admin key instead, by themselves."""


def key_digests(settings: GatewaySettings) -> tuple[bytes, ...]:
    """Return the digests of the keys in the settings and in their file, one key a line.

    Raises:
        OSError: the file cannot be read: no start rather than an open door.
        ValueError: the file is there and holds no key.
    """
    digests = _digests(settings.api_keys, settings.api_keys_file)
    if not digests:
        logger.warning("no API keys are configured: whoever reaches the port is served")
    return digests


def admin_key_digests(settings: GatewaySettings) -> tuple[bytes, ...]:
    """Return the same of the admin keys.

    Raises as `key_digests`, and `ValueError` if one of them is an API key too.
    """
    digests = _digests(settings.admin_keys, settings.admin_keys_file)
    if not set(digests).isdisjoint(_digests(settings.api_keys, settings.api_keys_file)):
        raise ValueError("an admin key must not be an API key too")
    return digests


def check_admin_key(scope: Scope, digests: tuple[bytes, ...]) -> None:
    """Raise `InvalidAPIKey` unless the request brings a key with one of the digests."""
    scope["caption_studio.log"]["key"] = _known(scope, digests).hex()[:8]


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
        if self._digests and scope["type"] == "http" and _needs_key(scope["path"]):
            try:
                self._admit(scope)
            except CaptionStudioError as error:
                await refuse(error, scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _admit(self, scope: Scope) -> None:
        given = scope["caption_studio.key"] = _known(scope, self._digests)
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


def _digests(keys: Sequence[SecretStr], path: Path | None) -> tuple[bytes, ...]:
    lines: list[str] = []
    if path is not None:
        lines = path.read_text().split()
        if not lines:
            raise ValueError(f"{path} holds no API key")
    return tuple(_digest(key.encode()) for key in [k.get_secret_value() for k in keys] + lines)


def _needs_key(path: str) -> bool:
    return path.startswith(GUARDED) and not path.startswith(ADMIN)


def _known(scope: Scope, digests: tuple[bytes, ...]) -> bytes:
    """Return the digest of the request's key. Raises `InvalidAPIKey` if it is none of these."""
    given = _digest(_bearer_token(scope))
    # All of them, whichever fits: the time taken tells nothing.
    if not [digest for digest in digests if hmac.compare_digest(digest, given)]:
        raise InvalidAPIKey("Incorrect or missing API key.")
    return given


def _bearer_token(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, token = value.partition(b" ")
            return bytes(token.strip()) if scheme.lower() == b"bearer" else b""
    return b""


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
