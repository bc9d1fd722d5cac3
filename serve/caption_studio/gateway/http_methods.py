"""Demands of RFC 9110 on every route: HEAD besides GET, and the list of a path's methods."""

from collections.abc import Iterable

from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEAD = "caption_studio.is_head"
"""Set in the scope of a GET that answers a HEAD: a route need not make what nobody reads."""


class HeadAsGet:
    """Answers HEAD as GET with the body left out, so with the same status and headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET", HEAD: True}, receive, send_head)


def allowed_methods(scope: Scope, routes: Iterable[BaseRoute]) -> str:
    """Return the value of `Allow` for the requested path, over all routes that share it."""
    methods = {"OPTIONS"}
    for route in routes:
        if route.matches(scope)[0] is not Match.NONE:
            methods |= getattr(route, "methods", None) or set()
    if "GET" in methods:
        methods.add("HEAD")
    return ", ".join(sorted(methods))
