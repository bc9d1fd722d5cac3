"""Refuses requests over a key's limits before the body is read; records usage. Pure ASGI.

gateway.authentication has found the key before; requests without a key have no limits.
"""

import math
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from caption_studio.errors import MAX_RETRY_AFTER_S, RateLimitExceeded
from caption_studio.gateway.batch_calls import BATCH
from caption_studio.gateway.error_responses import refuse
from caption_studio.gateway.keys import ApiKey
from caption_studio.gateway.limits.limiter import Limiter, Ticket
from caption_studio.records import KeyUsage

REFUSED = 429


class RateLimits:
    """Serves a key's requests within its limits, and reports their state in headers."""

    def __init__(self, app: ASGIApp, limiter: Limiter) -> None:
        self._app = app
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it before its body is read."""
        key: ApiKey | None = scope.get("caption_studio.key")
        if key is None or scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        generates = scope["method"] == "POST"
        if BATCH in scope:
            ticket = Ticket(key)  # batches take only what is left: they count, and have no limit
        else:
            ticket = await self._limiter.admit(key, generates=generates)
        # The outermost middleware sends them, so that a failure's answer has them, too.
        scope["caption_studio.headers"] = ticket.headers
        status = REFUSED

        async def watched_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        log: dict[str, Any] = scope["caption_studio.log"]
        if key.name is not None:
            log["key_name"] = key.name
        if generates:
            log.update(images=0, prompt_tokens=0, completion_tokens=0)
        try:
            if ticket.refused_by is not None:
                await refuse(_error(ticket), scope, receive, watched_send)
            else:
                status = 0  # none yet
                await self._app(scope, receive, watched_send)
        finally:
            self._limiter.settle(ticket, _usage(log, status))


def _usage(log: dict[str, Any], status: int) -> KeyUsage:
    if status == REFUSED:
        return KeyUsage(refused=1)
    return KeyUsage(
        requests=1,
        pictures=log.get("images", 0) if status == 200 else 0,
        prompt_tokens=log.get("prompt_tokens", 0),
        completion_tokens=log.get("completion_tokens", 0),
    )


def _error(ticket: Ticket) -> RateLimitExceeded:
    assert ticket.refused_by is not None
    kind, standing = ticket.refused_by
    return RateLimitExceeded(
        f"Rate limit reached for this API key: {standing.limit} {kind} per minute.",
        retry_after_s=min(MAX_RETRY_AFTER_S, max(1, math.ceil(standing.retry_after_s))),
    )
