"""Whether the death of a node explains the end of a flow, by what Ray says of its nodes."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from ray.exceptions import (
    ActorDiedError,
    ActorUnavailableError,
    ObjectLostError,
    RayError,
    RayTaskError,
)

from caption_studio.offline import nodes
from caption_studio.offline.nodes import NOTICED_S, STILL_S, watched
from caption_studio.offline.restarts import NodeDied

UNAVAILABLE = ActorUnavailableError("connection refused", None)


class Cluster:
    """Nodes a and b; b is dead from a moment on. Its clock moves when one sleeps."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.dies_s = float("inf")
        self.names = "ab"

    def nodes(self) -> list[dict[str, object]]:
        alive = {"a": True, "b": self.now_s < self.dies_s}
        return [{"NodeID": name, "Alive": alive[name]} for name in self.names]

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    cluster = Cluster()
    monkeypatch.setattr(nodes.ray, "nodes", cluster.nodes)
    monkeypatch.setattr(nodes.time, "monotonic", lambda: cluster.now_s)
    monkeypatch.setattr(nodes.time, "sleep", cluster.sleep)
    return cluster


def task_error(cause: Exception) -> RayTaskError:
    return RayTaskError("work", "Traceback", cause)


def ended(error: Exception) -> None:
    with watched(SimpleNamespace(custom_execution_callback_classes=[])):
        raise error


@pytest.mark.parametrize(
    "error",
    [UNAVAILABLE, ActorDiedError(), task_error(ObjectLostError("00", None, "here"))],
    ids=lambda error: type(error).__name__,
)
def test_an_error_that_a_nodes_death_explains(error: RayError, cluster: Cluster) -> None:
    cluster.dies_s = cluster.now_s + 20.0  # Ray notices it later than the error
    with pytest.raises(NodeDied):
        ended(error)


def test_without_a_death_the_error_stays(cluster: Cluster) -> None:
    begun_s = cluster.now_s
    with pytest.raises(ActorUnavailableError):
        ended(UNAVAILABLE)
    assert cluster.now_s - begun_s >= NOTICED_S


def test_a_single_node_is_not_waited_for(cluster: Cluster) -> None:
    cluster.names, begun_s = "a", cluster.now_s
    with pytest.raises(ActorUnavailableError):
        ended(UNAVAILABLE)
    assert cluster.now_s == begun_s


@pytest.mark.parametrize(
    "error",
    [task_error(ValueError("no")), ActorDiedError(task_error(ValueError("no"))), ValueError("no")],
    ids=["stage", "start", "other"],
)
def test_what_a_stage_raises_is_no_nodes_fault(error: Exception, cluster: Cluster) -> None:
    cluster.dies_s = cluster.now_s
    begun_s = cluster.now_s
    with pytest.raises(type(error)):
        ended(error)
    assert cluster.now_s == begun_s


@pytest.fixture
def each_step(cluster: Cluster) -> Callable[[], object]:
    context = SimpleNamespace(custom_execution_callback_classes=[])
    with watched(context) as these:
        (callback,) = (one() for one in context.custom_execution_callback_classes)
        these.note_progress()
    return lambda: callback.on_execution_step(None)


def test_a_flow_that_stands_still_ends_if_a_node_is_dead(
    cluster: Cluster, each_step: Callable[[], object]
) -> None:
    cluster.dies_s = cluster.now_s + 1.0
    cluster.sleep(STILL_S - 1.0)
    each_step()
    cluster.sleep(2.0)
    with pytest.raises(NodeDied):
        each_step()


def test_a_flow_that_stands_still_with_all_nodes_goes_on(
    cluster: Cluster, each_step: Callable[[], object]
) -> None:
    cluster.sleep(2 * STILL_S)
    each_step()
    cluster.dies_s = cluster.now_s
    cluster.sleep(2.0)
    with pytest.raises(NodeDied):
        each_step()
