"""Middleware around every request, as pure ASGI: id, log line, metrics, deadline.

From outside in: `RequestContext` gives the request an id and reports it; `Failures` turns a failure
into an answer (an error event where the answer is already a stream); gateway.authentication checks
the key, gateway.limits its rate limits, and gateway.admission the load.
"""

import asyncio
import logging
import re
import time
import uuid
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from caption_studio.errors import (
    CaptionStudioError,
    DeadlineExceeded,
    ServiceError,
)
from caption_studio.gateway.asked_route import asked_route, find_route
from caption_studio.gateway.error_responses import refuse
from caption_studio.gateway.request_class import class_of
from caption_studio.observability.logging import request_id as current_request_id
from caption_studio.observability.metrics import CLIENT_GONE, PROBES, Metrics
from caption_studio.wire.render import error_event

logger = logging.getLogger("caption_studio.access")

GONE = 499
"""The status that proxies log for a client that went away before an answer."""

DEADLINE = "caption_studio.deadline"
"""The key of a request's deadline in its scope, an `asyncio.Timeout`: a download moves it on."""

METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class RequestContext:
    """Gives the request an id and its route, counts it and writes its one log line.

    An `x-request-id` from outside is kept if it is short and plain. `proxy_echoes_id` says that the
    proxy in front itself puts the id that it sent into the response.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, *, proxy_echoes_id: bool) -> None:
        self._app = app
        self._metrics = metrics
        self._proxy_echoes_id = proxy_echoes_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, named, counted and logged."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given_id = _given_request_id(scope)
        request_id = given_id or uuid.uuid4().hex
        name_response = given_id is None or not self._proxy_echoes_id
        log: dict[str, Any] = {}
        scope["caption_studio.request_id"] = request_id
        scope["caption_studio.log"] = log
        route = scope["caption_studio.route"] = find_route(scope, scope["app"].routes)
        current_request_id.set(request_id)
        status = GONE
        ended = False
        started = scope["caption_studio.started_s"] = time.monotonic()

        async def send_named(message: Message) -> None:
            nonlocal status, ended
            if message["type"] == "http.response.body":
                ended = not message.get("more_body", False)
            elif message["type"] == "http.response.start":
                status = scope["caption_studio.status"] = message["status"]
                added = list(scope.get("caption_studio.headers", ()))  # gateway.limits'
                if name_response:
                    added.append((b"x-request-id", request_id.encode()))
                message["headers"] = [*message["headers"], *added]
            await send(message)

        try:
            with self._metrics.in_flight(route):
                await self._app(scope, receive, send_named)
        finally:
            if log.get("error_code") == CLIENT_GONE:
                del log["error_code"]
                status, ended = GONE, False
            log["cancelled"] = not ended and "error_code" not in log
            self._report(scope, status, time.monotonic() - started, log)

    def _report(self, scope: Scope, status: int, seconds: float, log: dict[str, Any]) -> None:
        route, method = asked_route(scope), method_of(scope)
        self._metrics.answered(route=route, method=method, model=log.get("model"), status=status)
        self._metrics.took(route, class_of(scope), seconds)
        if log["cancelled"]:
            self._metrics.cancelled(route)
        if "error_code" in log:
            self._metrics.failed(log["error_code"])
        level = logging.DEBUG if route in PROBES else logging.INFO
        fields = {"method": method, "route": route, "status": status, "duration_s": seconds}
        logger.log(level, "request", extra={**fields, **log})


class Failures:
    """Ends every request within its deadline, and with an answer.

    Errors that routes raise on purpose are answered further in. The deadline and unexpected
    exceptions are handled here; of the latter the client learns only the request id.
    """

    def __init__(self, app: ASGIApp, timeout_s: float) -> None:
        self._app = app
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or answer for its failure."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = is_stream = False

        async def watched_send(message: Message) -> None:
            nonlocal started, is_stream
            if message["type"] == "http.response.start":
                started = True
                is_stream = any(
                    name == b"content-type" and value.startswith(b"text/event-stream")
                    for name, value in message["headers"]
                )
            await send(message)

        error: CaptionStudioError
        try:
            async with asyncio.timeout(self._timeout_s) as deadline:
                scope[DEADLINE] = deadline
                await self._app(scope, receive, watched_send)
            return
        except TimeoutError:
            error = DeadlineExceeded("The request took longer than it may.")
        except Exception:
            logger.exception("unexpected failure")
            request_id = scope["caption_studio.request_id"]
            error = ServiceError(f"The server had an error. Its id is {request_id}.")
        if not started:
            await refuse(error, scope, receive, send)
            return
        scope["caption_studio.log"]["error_code"] = error.code
        if is_stream:
            await send({"type": "http.response.body", "body": error_event(error)})


def method_of(scope: Scope) -> str:
    """Return the method; one that a client made up is `other`."""
    return scope["method"] if scope["method"] in METHODS else "other"


def _given_request_id(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and REQUEST_ID.fullmatch(value):
            return str(value.decode("ascii"))
    return None
