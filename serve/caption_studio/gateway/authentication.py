"""Authentication: a request's API key is checked before its body is read, as pure ASGI.

Admin keys are not API keys and give access to other routes (gateway.admin).
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from caption_studio.errors import InvalidAPIKey
from caption_studio.gateway import page
from caption_studio.gateway.asked_route import UNMATCHED, asked_route, path_below_root
from caption_studio.gateway.batch_calls import BATCH, BatchCall
from caption_studio.gateway.error_responses import refuse
from caption_studio.gateway.followed_keys import FollowedKeys
from caption_studio.gateway.keys import ApiKey, Keyring

OPEN = page.OPEN | {"/healthz", "/health", "/readyz", "/openapi.json"}
"""Routes that need no key: they change nothing and reveal nothing confidential."""

ADMIN = "/v1/admin/"
"""Prefix of the routes that check an admin key instead, themselves."""

API = "/v1/"
"""Prefix of the paths that need a key even where there is no route."""


class Keys:
    """Lets requests with a known key through, and those that need none.

    `scope["caption_studio.key"]` becomes the `ApiKey`; its fingerprint goes into the log line.
    """

    def __init__(self, app: ASGIApp, keys: FollowedKeys) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it before its body is read."""
        call: BatchCall | None = scope.get(BATCH)
        if call is not None and call.key is not None:
            scope["caption_studio.key"] = call.key
            scope["caption_studio.log"]["key"] = call.key.fingerprint
        elif scope["type"] == "http" and is_guarded(scope):
            try:
                scope["caption_studio.key"] = check_key(scope, self._keys.rings.api)
            except InvalidAPIKey as error:
                await refuse(error, scope, receive, send)
                return
        await self._app(scope, receive, send)


def check_key(scope: Scope, keyring: Keyring) -> ApiKey:
    """Return the request's key, and name it in the log line.

    Raises `InvalidAPIKey` unless it is one of the ring's.
    """
    key = keyring.find(_bearer_token(scope))
    if key is None:
        raise InvalidAPIKey("Incorrect or missing API key.")
    scope["caption_studio.log"]["key"] = key.fingerprint
    return key


def is_guarded(scope: Scope) -> bool:
    """Return whether the request needs an API key, where keys are configured."""
    route = asked_route(scope)
    if route == UNMATCHED:
        route = path_below_root(scope)
        return route.startswith(API) and not route.startswith(ADMIN)
    return route not in OPEN and not route.startswith(ADMIN)


def _bearer_token(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, token = value.partition(b" ")
            return bytes(token.strip()) if scheme.lower() == b"bearer" else b""
    return b""
