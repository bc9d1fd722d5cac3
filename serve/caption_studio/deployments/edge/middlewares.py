"""Middleware around Serve's HTTP server: clean headers in, our errors out.

Serve obeys and echoes some client headers, which clients must not control. It answers in plain text
when no gateway can answer: while the first one starts, or when all are down. Serve takes middleware
from the function that RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH names
(ray/serve/_private/http_util.py, 2.60), in the proxy and in replicas behind HAProxy alike.
"""

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from caption_studio.errors import (
    RETRY_AFTER_S,
    CaptionStudioError,
    DeadlineExceeded,
    NotReady,
    Overloaded,
    ServiceError,
)
from caption_studio.gateway.error_responses import error_response
from caption_studio.gateway.middleware import REQUEST_ID

IMPORT_PATH = "caption_studio.deployments.edge.middlewares:middlewares"

STEERING = frozenset(
    {
        b"x-request-timeout-seconds",
        b"x-request-disconnect-disabled",
        b"serve_multiplexed_model_id",
        b"serve-multiplexed-model-id",
        b"x-session-id",
    }
)
"""Headers by which any client could set Serve's timeout, disconnect handling and routing."""


class CleanHeaders:
    """Drops the headers that steer Serve, and request ids that are not short and plain.

    Serve makes an id where none is left and puts the id into the response.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, cleaned."""
        if scope["type"] == "http":
            scope = {**scope, "headers": [h for h in scope["headers"] if _is_clean(*h)]}
        await self._app(scope, receive, send)


class OwnErrors:
    """Rewrites Serve's own errors in the form of ours.

    The gateway answers every path, and its errors are JSON; so a plain-text error is Serve's.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; replace the answer if it is an error that Serve wrote."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        replaced = False

        async def send_ours(message: Message) -> None:
            nonlocal replaced
            if replaced:
                return  # the rest of Serve's own body
            if message["type"] == "http.response.start" and _is_serves_own(message):
                replaced = True
                await error_response(_error_for(message["status"]))(scope, receive, send)
                return
            await send(message)

        await self._app(scope, receive, send_ours)


def middlewares() -> list[Middleware]:
    """Return the middleware for Serve's HTTP server; the last is the outermost."""
    return [Middleware(OwnErrors), Middleware(CleanHeaders)]


def _is_serves_own(start: Message) -> bool:
    content_type = dict(start["headers"]).get(b"content-type", b"")
    return start["status"] >= 400 and not content_type.startswith(b"application/json")


def _error_for(status: int) -> CaptionStudioError:
    if status in (404, 503):  # no route or no replica yet: a running gateway answers every path
        return NotReady("The service is starting.", retry_after_s=RETRY_AFTER_S)
    if status == 429:
        return Overloaded("The service is full. Try again soon.", retry_after_s=RETRY_AFTER_S)
    if status == 408:
        return DeadlineExceeded("The request took longer than it may.")
    return ServiceError("The server had an error.")


def _is_clean(name: bytes, value: bytes) -> bool:
    if name == b"x-request-id":
        return REQUEST_ID.fullmatch(value) is not None
    return name not in STEERING
