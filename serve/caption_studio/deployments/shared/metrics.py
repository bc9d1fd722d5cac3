"""Each replica's metrics, shared so that any gateway shows the whole service.

A Serve handle reaches one replica of Serve's choice, and a port for each replica would have to be
discovered and protected. So each replica writes its metrics into Ray's key-value store every
`PUBLISH_S`, and the gateway that is scraped reads all records.
"""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

import ray
from prometheus_client import CollectorRegistry
from ray import serve
from ray.exceptions import RayError
from ray.serve._private.constants import RAY_SERVE_HAPROXY_SOCKET_PATH

from caption_studio.deployments.edge.admin_socket import own_responses
from caption_studio.deployments.shared.key_value import RayKeyValueStore
from caption_studio.observability import exposition
from caption_studio.observability.exposition import ReplicaMetrics
from caption_studio.observability.proxy_metrics import proxy_registry

logger = logging.getLogger(__name__)

PUBLISH_S = 1.0

STALE_S = 10.0
"""An older record is of a killed replica; the margin allows for differences between clocks."""

READ_TIMEOUT_S = 2.0
"""Below scrapers' timeout (10 s by default); after it a gateway returns its own metrics alone."""


class Store(Protocol):
    """The store of the records: `key_value.RayKeyValueStore`. Blocking."""

    def keys(self) -> list[str]:
        """Return every key."""
        ...

    def get(self, key: str) -> bytes | None:
        """Return the value, None where there is none."""
        ...

    def put(self, key: str, value: bytes) -> None:
        """Write, whether the key is there or not."""
        ...

    def delete(self, key: str) -> None:
        """Delete the key if it is there."""
        ...


class SharedMetrics:
    """One replica's metrics in the store, and those of all others. `clock` is Unix time in s."""

    def __init__(
        self,
        registry: CollectorRegistry,
        store: Store,
        *,
        deployment: str,
        replica: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._registry = registry
        self._store = store
        self._deployment = deployment
        self._replica = replica
        self._key = f"{deployment}/{replica}"
        self._clock = clock
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._publish, name="metrics", daemon=True)

    async def start(self) -> None:
        """Begin to publish."""
        self.begin()

    async def close(self) -> None:
        """Stop, and leave nothing in the store."""
        await asyncio.to_thread(self.end)

    def begin(self) -> None:
        """Begin to publish; for callers without an event loop."""
        self._thread.start()

    def end(self) -> None:
        """Stop, and leave nothing in the store. Blocking."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()

    async def exposition(self) -> bytes:
        """Return the metrics of all replicas; if the store fails, of this one alone."""
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                return await asyncio.to_thread(self._text_of_all)
        except (TimeoutError, OSError, RayError):
            logger.warning("the other replicas' metrics could not be read")
            return await asyncio.to_thread(lambda: exposition.text([self._own()]))

    def _text_of_all(self) -> bytes:
        return exposition.text([self._own(), *self._others()])

    def _own(self) -> ReplicaMetrics:
        return exposition.read(
            self._registry,
            deployment=self._deployment,
            replica=self._replica,
            at_s=self._clock(),
        )

    def _others(self) -> list[ReplicaMetrics]:
        found = []
        for key in sorted(self._store.keys()):
            value = None if key == self._key else self._store.get(key)
            if value is None:
                continue
            try:
                metrics = exposition.decode(value)
            except ValueError:
                logger.warning("a replica's metrics cannot be read", extra={"key": key})
                continue
            if self._clock() - metrics.at_s < STALE_S:
                found.append(metrics)
            else:
                self._store.delete(key)
        return found

    def _publish(self) -> None:
        while not self._ended.wait(PUBLISH_S):
            try:
                self._store.put(self._key, exposition.encode(self._own()))
            except (OSError, RayError):
                logger.warning("this replica's metrics could not be written")
        try:
            self._store.delete(self._key)
        except (OSError, RayError):
            pass  # it is stale soon


def of_this_proxy() -> SharedMetrics | None:
    """Return the shared metrics of this machine's HAProxy; None if there is none.

    Every gateway of a machine writes the same record, so it exists while any of them does.
    """
    node = ray.get_runtime_context().get_node_id()
    folder = proxy_folder(node)
    if folder is None:
        return None
    return SharedMetrics(
        proxy_registry(partial(own_responses, folder)),
        RayKeyValueStore("metrics", serve.get_replica_context().app_name),
        deployment=exposition.PROXY,
        replica=node,
    )


def proxy_folder(node: str) -> Path | None:
    """Return the folder where Serve puts the admin socket of a node's HAProxy; None without one.

    On a cluster no variable names the path, and Serve takes its default. Each node has a folder
    below it, so that nodes on one machine do not count each other's answers.
    """
    if os.environ.get("RAY_SERVE_ENABLE_HA_PROXY") != "1":
        return None
    return Path(RAY_SERVE_HAPROXY_SOCKET_PATH).parent / node


def of_this_replica(registry: CollectorRegistry) -> SharedMetrics:
    """Return the shared metrics of this process's Serve replica."""
    context = serve.get_replica_context()
    return SharedMetrics(
        registry,
        RayKeyValueStore("metrics", context.app_name),
        deployment=context.deployment,
        replica=context.replica_tag,
    )
