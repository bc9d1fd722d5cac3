"""What a gateway shows of the other replicas, over one store in memory."""

import asyncio
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge

from caption_studio.deployments.shared import metrics
from caption_studio.deployments.shared.metrics import STALE_S, SharedMetrics, proxy_folder

pytestmark = pytest.mark.anyio


class Store:
    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.failure: Exception | None = None

    def keys(self) -> list[str]:
        if self.failure is not None:
            raise self.failure
        return list(self.values)

    def get(self, key: str) -> bytes | None:
        return self.values.get(key)

    def put(self, key: str, value: bytes) -> None:
        self.values[key] = value

    def delete(self, key: str) -> None:
        self.values.pop(key, None)


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def replica(store: Store, clock: Clock, deployment: str, name: str, value: float) -> SharedMetrics:
    registry = CollectorRegistry()
    Gauge("busy", "Is it?", registry=registry).set(value)
    return SharedMetrics(registry, store, deployment=deployment, replica=name, clock=clock)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "PUBLISH_S", 0.01)


async def published(store: Store, count: int) -> None:
    async with asyncio.timeout(10):
        while len(store.values) < count:  # noqa: ASYNC110 - a thread writes
            await asyncio.sleep(0.01)


async def test_any_gateway_shows_all_replicas_itself_as_it_is_now() -> None:
    store, clock = Store(), Clock()
    asked = replica(store, clock, "Gateway", "g1", 1)
    others = [
        replica(store, clock, "Gateway", "g2", 2),
        replica(store, clock, "Captioner", "c1", 3),
    ]
    for one in (asked, *others):
        await one.start()
    await published(store, 3)
    text = (await asked.exposition()).decode()
    assert text.count('busy{deployment="Gateway",replica="g1"} 1.0') == 1
    assert 'busy{deployment="Gateway",replica="g2"} 2.0' in text
    assert 'busy{deployment="Captioner",replica="c1"} 3.0' in text
    assert 'caption_studio_replicas{deployment="Gateway"} 2.0' in text
    for one in (asked, *others):
        await one.close()
    assert store.values == {}


async def test_a_replica_that_was_killed_is_shown_no_longer_and_leaves_nothing() -> None:
    store, clock = Store(), Clock()
    killed = replica(store, clock, "Captioner", "c1", 3)
    await killed.start()
    await published(store, 1)
    left = dict(store.values)
    await killed.close()
    store.values = left
    gateway = replica(store, clock, "Gateway", "g1", 1)
    clock.now_s += STALE_S - 1
    assert 'replica="c1"' in (await gateway.exposition()).decode()
    clock.now_s += 1
    text = (await gateway.exposition()).decode()
    assert 'replica="c1"' not in text
    assert 'caption_studio_replicas{deployment="Captioner"}' not in text
    assert store.values == {}


async def test_without_the_store_a_gateway_shows_itself() -> None:
    store = Store()
    store.failure = OSError("gone")
    text = (await replica(store, Clock(), "Gateway", "g1", 1).exposition()).decode()
    assert 'busy{deployment="Gateway",replica="g1"} 1.0' in text


async def test_a_record_that_cannot_be_read_hides_no_other() -> None:
    store = Store()
    store.values["Captioner/c0"] = b"of another version"
    text = (await replica(store, Clock(), "Gateway", "g1", 1).exposition()).decode()
    assert 'replica="g1"' in text


@pytest.mark.parametrize("socket", ["/tmp/haproxy-serve/admin.sock", "/tmp/studio-a/admin.sock"])
def test_a_nodes_proxy_is_asked_where_serve_has_put_its_socket(
    socket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "RAY_SERVE_HAPROXY_SOCKET_PATH", socket)
    monkeypatch.setenv("RAY_SERVE_ENABLE_HA_PROXY", "1")
    assert proxy_folder("n1") == Path(socket).parent / "n1"


def test_on_a_cluster_no_variable_needs_to_name_the_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_SERVE_HAPROXY_SOCKET_PATH", raising=False)
    monkeypatch.setenv("RAY_SERVE_ENABLE_HA_PROXY", "1")
    folder = proxy_folder("n1")
    assert folder is not None
    assert folder.name == "n1"


def test_where_serve_runs_no_haproxy_none_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_SERVE_ENABLE_HA_PROXY", raising=False)
    assert proxy_folder("n1") is None
