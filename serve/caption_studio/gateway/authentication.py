"""Who asks: the API key that a request brings, checked before its body is read, as pure ASGI.

Admin keys are others than API keys, and open other doors (gateway.admin).
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from caption_studio.errors import InvalidAPIKey
from caption_studio.gateway.error_responses import refuse
from caption_studio.gateway.keys import ApiKey, Keyring

GUARDED = ("/v1/", "/metrics")
"""Beginnings of the paths that need a key where keys are configured."""

ADMIN = "/v1/admin/"
"""Beginning of the paths that ask for an admin key instead, by themselves."""


class Keys:
    """Lets requests with a known key through, all of them where no key is configured.

    `scope["caption_studio.key"]` becomes the `ApiKey`; its fingerprint goes into the log line.
    """

    def __init__(self, app: ASGIApp, keyring: Keyring) -> None:
        self._app = app
        self._keyring = keyring

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it before its body is read."""
        if self._keyring.keys and scope["type"] == "http" and _needs_key(scope["path"]):
            try:
                scope["caption_studio.key"] = check_key(scope, self._keyring)
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


def _needs_key(path: str) -> bool:
    return path.startswith(GUARDED) and not path.startswith(ADMIN)


def _bearer_token(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, token = value.partition(b" ")
            return bytes(token.strip()) if scheme.lower() == b"bearer" else b""
    return b""
