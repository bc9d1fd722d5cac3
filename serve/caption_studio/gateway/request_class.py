"""The class of a request in the gateway: `batch` for those of batches, and of keys that say so."""

from starlette.types import Scope

from caption_studio.gateway.batch_calls import BATCH
from caption_studio.gateway.keys import ApiKey
from caption_studio.records import RequestClass


def class_of(scope: Scope) -> RequestClass:
    """Return the request's class; gateway.authentication has found its key before."""
    if BATCH in scope:
        return "batch"
    key: ApiKey | None = scope.get("caption_studio.key")
    return "online" if key is None else key.request_class
