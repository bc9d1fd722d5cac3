"""The gateway's span around each request: child of the caller's, parent of the stages'."""

from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from caption_studio.gateway.asked_route import asked_route
from caption_studio.gateway.middleware import method_of
from caption_studio.observability.metrics import PROBES
from caption_studio.observability.tracing import Tracing

NOT_TOLD = frozenset({"key", "key_name", "error_code", "trace_id"})
"""Fields of the log line that are no attributes of the span."""


class Traced:
    """Opens the span and leaves its context for the routes. Installed only with tracing.

    At its end the span gets the fields that the log line got during the request.
    """

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request within its span."""
        if scope["type"] != "http" or (route := asked_route(scope)) in PROBES:
            await self._app(scope, receive, send)
            return
        log: dict[str, Any] = scope["caption_studio.log"]
        with self._tracing.span(method_of(scope), _traceparent(scope)) as span:
            scope["caption_studio.traceparent"] = span.traceparent
            log["trace_id"] = span.trace_id
            span.set({"request_id": scope["caption_studio.request_id"]})
            try:
                await self._app(scope, receive, send)
            finally:
                span.set({name: log[name] for name in log.keys() - NOT_TOLD})
                span.set({"http.request.method": method_of(scope), "http.route": route})
                status: int | None = scope.get("caption_studio.status")
                if status is not None:
                    span.set({"http.response.status_code": status})
                if code := log.get("error_code"):
                    span.set({"error_code": code})
                    if status is not None and (status == 200 or status >= 500):
                        span.fail(code)


def _traceparent(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"traceparent":
            return str(value.decode("latin-1"))
    return None
