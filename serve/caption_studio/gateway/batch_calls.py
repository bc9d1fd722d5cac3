"""A request of a batch → its answer, through the gateway's own application, in this process.

So it takes the way of a request online: the same routes, deadline, limits of its body, logs and
metrics. What differs, `BatchCall` in its scope says to the middleware on the way.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Scope

from caption_studio.batches.ids import NOBODY, owner_of
from caption_studio.batches.tools import Reply
from caption_studio.gateway.followed_keys import FollowedKeys
from caption_studio.gateway.keys import ApiKey, Keyring

BATCH = "caption_studio.batch"
"""The key of a request's `BatchCall` in its scope; no HTTP server puts it there."""

HOST = b"127.0.0.1"
"""A host that gateway.browsers lets through."""


@dataclass(frozen=True, slots=True)
class BatchCall:
    """A request of a batch: its key is known already, and the gate has given it a place."""

    key: ApiKey | None
    batch_id: str


def owner_in(scope: Scope) -> str:
    """Return the owner of the files and batches that a request may see."""
    key: ApiKey | None = scope.get("caption_studio.key")
    return NOBODY if key is None else owner_of(key.name, key.digest)


class BatchCaller:
    """`batches.tools.Caller` over the gateway's application; without `keys` none is needed."""

    def __init__(self, app: ASGIApp, keys: FollowedKeys | None) -> None:
        self._app = app
        self._keys = keys
        self._ring: Keyring | None = None
        self._owners: Mapping[str, ApiKey] = {}

    def knows(self, owner: str) -> bool:
        """See `batches.tools.Caller`."""
        return owner == NOBODY if self._keys is None else owner in self._known(self._keys)

    async def call(
        self, owner: str, endpoint: str, body: bytes, *, request_id: str, batch_id: str
    ) -> Reply:
        """See `batches.tools.Caller`."""
        key = None if self._keys is None else self._known(self._keys)[owner]
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": endpoint,
            "raw_path": endpoint.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [
                (b"host", HOST),
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"x-request-id", request_id.encode()),
            ],
            "client": None,
            "server": None,
            "state": {},
            BATCH: BatchCall(key, batch_id),
        }
        return await _replied(self._app, scope, body)

    def _known(self, keys: FollowedKeys) -> Mapping[str, ApiKey]:
        ring = keys.rings.api
        if ring is not self._ring:
            self._owners = {owner_of(key.name, key.digest): key for key in ring.keys}
            self._ring = ring
        return self._owners


async def _replied(app: ASGIApp, scope: Scope, body: bytes) -> Reply:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    del body
    head: Message = {}
    pieces: list[bytes] = []

    async def receive() -> Message:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            head.update(message)
        else:
            pieces.append(message.get("body", b""))

    await app(scope, receive, send)
    headers = dict(head["headers"])
    retry_after = headers.get(b"retry-after")
    return Reply(
        head["status"], b"".join(pieces), None if retry_after is None else int(retry_after)
    )
