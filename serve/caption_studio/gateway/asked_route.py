"""The route that a request asks for, found before any middleware can refuse it.

Routes are compared, not paths: a route prefix, a mount or a proxy's root path changes the path, and
the same path can be written in many ways.
"""

from collections.abc import Iterable

from starlette._utils import get_route_path
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

UNMATCHED = "unmatched"
"""Stands for every unknown path, in metrics too, because a client may invent many."""


def asked_route(scope: Scope) -> str:
    """Return the path of the route in the code (`/v1/models/{model}`), or `UNMATCHED`.

    `gateway.middleware.RequestContext` has put it into the scope.
    """
    route: str = scope["caption_studio.route"]
    return route


def find_route(scope: Scope, routes: Iterable[BaseRoute]) -> str:
    """Return the path of the route that the router will choose, or `UNMATCHED`.

    It takes the first that fits, and the first with another method if none does
    (starlette.routing.Router, 1.10).
    """
    other_method: str | None = None
    for route in routes:
        match, _ = route.matches(scope)
        if match is Match.NONE:
            continue
        path = str(getattr(route, "path_format", UNMATCHED))
        if match is Match.FULL:
            return path
        other_method = other_method or path
    return other_method or UNMATCHED


def path_below_root(scope: Scope) -> str:
    """Return the path as the router sees it: without route prefix and root path."""
    return get_route_path(scope)
