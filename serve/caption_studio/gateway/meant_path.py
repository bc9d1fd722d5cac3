"""An unknown path → the one that was probably meant.

Clients join a base URL and a path in many ways: with a slash too many, without `/v1`, with `/v1`
twice, or with a whole endpoint as the base URL.
"""

from collections.abc import Iterable

from starlette.routing import BaseRoute
from starlette.types import Scope

from caption_studio.gateway.asked_route import UNMATCHED, find_route, path_below_root

LONGEST_ENDPOINT = 4
"""The number of segments examined, from a path's end: a client may send thousands."""


def meant_path(scope: Scope, routes: Iterable[BaseRoute]) -> str | None:
    """Return the path of ours with which the unknown path of the request ends.

    Its last segments are compared with and without `/v1` before them, most segments first.
    None: there is no such path.
    """
    routes = list(routes)
    asked = path_below_root(scope)
    root = str(scope["path"]).removesuffix(asked)
    segments = [segment for segment in asked.split("/") if segment][-LONGEST_ENDPOINT:]
    for first in range(len(segments)):
        ending = "/" + "/".join(segments[first:])
        for candidate in (ending, f"/v1{ending}"):
            path = root + candidate
            if find_route({**scope, "path": path}, routes) != UNMATCHED:
                return path
    return None
