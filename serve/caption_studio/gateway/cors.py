"""CORS (https://fetch.spec.whatwg.org/#http-cors-protocol): which web pages may call.

Starlette's middleware, outside of the key check: a preflight carries no key, and a page may read
errors too. It is installed only where `gateway.cors_origins` names an origin.
"""

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from caption_studio.errors import ForbiddenOrigin
from caption_studio.gateway.error_responses import error_response
from caption_studio.gateway.limits.headers import RATE_LIMIT_HEADERS

EXPOSED = ("x-request-id", "Retry-After", *RATE_LIMIT_HEADERS)
"""Response headers that a page may read, besides the few that it always may."""


class CORS(CORSMiddleware):
    """Starlette's middleware, with refusals in the form of our errors."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer a preflight; refuse it in the form of all errors."""
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        return error_response(ForbiddenOrigin("Pages of this origin may not call this service."))


def cors(origins: Sequence[str]) -> list[Middleware]:
    """Return the middleware that lets pages of these origins call; none without origins."""
    if not origins:
        return []
    return [
        Middleware(
            CORS,
            allow_origins=origins,
            allow_methods=["*"],
            allow_headers=["*"],
            allow_private_network=True,  # a page on the internet, a service on this machine
            expose_headers=EXPOSED,
        )
    ]
