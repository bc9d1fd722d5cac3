"""Ray's own key-value store, in its head process, where Serve keeps its state too.

It outlives every replica and, where Ray's fault tolerance is set up (Redis), the head itself.
`ray.experimental.internal_kv` is what Ray's libraries use (2.60); it is connected in every
process of the cluster. Blocking.
"""

from urllib.parse import quote

from ray.experimental.internal_kv import (
    _internal_kv_del,
    _internal_kv_get,
    _internal_kv_list,
    _internal_kv_put,
)


class RayKeyValueStore:
    """`snapshots.KeyValueStore` for one application and one kind of values."""

    def __init__(self, kind: str, application: str) -> None:
        # Ray joins namespace and key by a colon, and takes them apart at the first (2.60).
        self._namespace = f"caption-studio-{kind}-{quote(application, safe='')}"

    def keys(self) -> list[str]:
        """See `snapshots.KeyValueStore`."""
        return [key.decode() for key in _internal_kv_list("", namespace=self._namespace)]

    def get(self, key: str) -> bytes | None:
        """See `snapshots.KeyValueStore`."""
        value: bytes | None = _internal_kv_get(key, namespace=self._namespace)
        return value

    def put_new(self, key: str, value: bytes) -> bool:
        """See `snapshots.KeyValueStore`."""
        # It returns whether the key was there before.
        return not _internal_kv_put(key, value, overwrite=False, namespace=self._namespace)

    def put(self, key: str, value: bytes) -> None:
        """Write, whether the key is there or not."""
        _internal_kv_put(key, value, overwrite=True, namespace=self._namespace)

    def delete(self, key: str) -> None:
        """See `snapshots.KeyValueStore`."""
        _internal_kv_del(key, namespace=self._namespace)
