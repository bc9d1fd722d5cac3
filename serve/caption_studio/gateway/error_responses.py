"""Exceptions → the OpenAI error body, with status and headers.

A response that has already started is its own case: see gateway.middleware.
"""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from caption_studio.errors import (
    CaptionStudioError,
    MethodNotAllowed,
    RouteNotFound,
    ServiceError,
)
from caption_studio.gateway.http_methods import allowed_methods
from caption_studio.gateway.meant_path import meant_path
from caption_studio.wire.error_body import error_body


def error_response(error: CaptionStudioError) -> Response:
    """Return the response for `error`."""
    headers = {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(error_body(error), error.status, headers=headers, media_type="application/json")


async def refuse(error: CaptionStudioError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with `error` from a middleware; the log line gets its code."""
    scope["caption_studio.log"]["error_code"] = error.code
    await error_response(error)(scope, receive, send)


async def on_error(request: Request, error: Exception) -> Response:
    """Answer a `CaptionStudioError` that a route raised."""
    assert isinstance(error, CaptionStudioError)
    request.scope["caption_studio.log"]["error_code"] = error.code
    return error_response(error)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer the router's own refusals: an unknown path, a wrong method; and OPTIONS."""
    assert isinstance(error, HTTPException)
    path, method = request.scope["path"], request.method
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = allowed_methods(request.scope, request.app.routes)
        if method == "OPTIONS":
            return Response(status_code=204, headers=headers)
    translated: CaptionStudioError
    if error.status_code == 404:
        meant = meant_path(request.scope, request.app.routes)
        hint = "" if meant is None else f" Did you mean {meant}?"
        translated = RouteNotFound(f"Unknown request URL: {method} {path}.{hint}")
    elif error.status_code == 405:
        translated = MethodNotAllowed(f"{method} is not allowed on {path}.")
    else:
        translated = ServiceError("The server could not handle this request.")
    response = await on_error(request, translated)
    response.headers.update(headers)
    return response
