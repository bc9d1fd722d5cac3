"""Keeps other people's web pages from using a service without keys, as pure ASGI.

A page in a browser on this machine can reach 127.0.0.1 too. It may send a form without permission,
because multipart needs no preflight. By DNS rebinding, when its own host name suddenly resolves to
127.0.0.1, it may also read the answers. Where keys are configured neither works, because a page has
no key.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from caption_studio.errors import CaptionStudioError, ForbiddenHost, ForbiddenOrigin
from caption_studio.gateway.asked_route import UNMATCHED, asked_route
from caption_studio.gateway.authentication import is_guarded
from caption_studio.gateway.error_responses import refuse
from caption_studio.gateway.exposure import is_loopback

DEFAULT_PORTS = {"http": 80, "https": 443}

OWN_SITES = frozenset({"same-origin", "none"})
"""Sec-Fetch-Site of our own pages' requests, and of an address that the user typed
(https://www.w3.org/TR/fetch-metadata/)."""


class BrowserGuard:
    """Refuses requests that a page of another origin made a browser send.

    Pages of `origins` are allowed. `only_loopback_hosts` says that the service is reached by this
    machine's own names only; elsewhere its names are unknown and not checked.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str], *, only_loopback_hosts: bool) -> None:
        self._app = app
        self._origins = frozenset(origins)
        self._hosts = frozenset(urlsplit(origin).hostname for origin in origins)
        self._only_loopback_hosts = only_loopback_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it before its body is read."""
        if scope["type"] == "http" and asked_route(scope) != UNMATCHED and is_guarded(scope):
            try:
                self._check(scope)
            except CaptionStudioError as error:
                await refuse(error, scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        hosts = _values(scope, b"host")
        if self._only_loopback_hosts and not all(map(self._is_ours, hosts)):
            raise ForbiddenHost(
                "Without API keys this service answers to the names of its own machine only."
            )
        origins = _values(scope, b"origin")
        if origins:
            is_allowed = all(o in self._origins or _is_same(o, hosts) for o in origins)
        else:
            is_allowed = OWN_SITES.issuperset(_values(scope, b"sec-fetch-site"))
        if not is_allowed:
            raise ForbiddenOrigin(
                "Without API keys this service does not answer to pages of other sites."
            )

    def _is_ours(self, host: str) -> bool:
        name = _authority(host)[0]
        return name is not None and (is_loopback(name) or name in self._hosts)


def _is_same(origin: str, hosts: Sequence[str]) -> bool:
    """Return whether a page of this origin came from the host that it asks now.

    The scheme is not compared: a proxy may have taken TLS off.
    """
    scheme, separator, authority = origin.partition("://")
    if not separator or scheme not in DEFAULT_PORTS or not hosts:
        return False
    name, port = _authority(authority)
    default = DEFAULT_PORTS[scheme]
    return name is not None and all(
        (name, port or default) == (host, host_port or default)
        for host, host_port in map(_authority, hosts)
    )


def _authority(text: str) -> tuple[str | None, int | None]:
    """Return name, in lower case, and port of `name[:port]`; the name is None if malformed."""
    try:
        parts = urlsplit(f"//{text}")
        name, port = parts.hostname, parts.port
    except ValueError:
        return None, None
    # Anything else in it, a path or a user, does not belong in a Host header.
    return (name, port) if parts.netloc == text and "@" not in text else (None, None)


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]
