"""What Serve's HTTP server does to a request before Serve itself looks at it.

Serve obeys and echoes some client headers; none of that is a stranger's to decide. It takes
middleware from the function that RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH names
(ray/serve/_private/http_util.py, 2.60), in the proxy and in replicas behind HAProxy alike.
"""

import re

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

IMPORT_PATH = "caption_studio.deployments.edge:middlewares"

STEERING = frozenset(
    {
        b"x-request-timeout-seconds",
        b"x-request-disconnect-disabled",
        b"serve_multiplexed_model_id",
        b"serve-multiplexed-model-id",
        b"x-session-id",
    }
)
"""Timeout, disconnect handling and routing, as any client may set them."""

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


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


def middlewares() -> list[Middleware]:
    """Return what Serve puts around its HTTP server."""
    return [Middleware(CleanHeaders)]


def _is_clean(name: bytes, value: bytes) -> bool:
    if name == b"x-request-id":
        return REQUEST_ID.fullmatch(value) is not None
    return name not in STEERING
