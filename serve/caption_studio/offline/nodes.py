"""The nodes of the Ray that is connected: does the death of one explain why a flow has ended?

Ray gives a silent node up only after a while. Until then its workers are unavailable, and the tries
of their batches are spent. Where Ray knows before, as of a node that was shut down, the batches
wait for workers that may have no room on the nodes that are left.
"""

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import ray
from ray.data import DataContext
from ray.data._internal.execution.execution_callback import ExecutionCallback
from ray.exceptions import RayActorError, RayError, RayTaskError

from caption_studio.offline.restarts import NodeDied

LOOK_S = 1.0
NOTICED_S = 90.0
"""How long Ray takes at most to give a node up: 5 s, then five health checks, each of which takes
10 s and comes 3 s after the one before (`RAY_health_check_*`, 2.60)."""

STILL_S = 120.0
"""How long a flow that has lost a node may yield nothing."""


class Nodes:
    """The nodes that are alive when it is made, and when the flow last yielded something."""

    def __init__(self) -> None:
        self._begun_with = _alive()
        self.note_progress()

    def note_progress(self) -> None:
        """Note that the flow has yielded something."""
        self._next_look_s = time.monotonic() + STILL_S

    def check_progress(self) -> None:
        """Raise `NodeDied` if the flow stands still and has lost a node."""
        now_s = time.monotonic()
        if now_s < self._next_look_s:
            return
        self._next_look_s = now_s + LOOK_S
        if self._has_lost_one():
            raise NodeDied("a node has died, and the others have no room for its work")

    def explain(self, error: RayError) -> bool:
        """Return whether a node has died, once Ray would have noticed it."""
        if len(self._begun_with) == 1 or not _may_be_a_node(error):
            return False
        deadline_s = time.monotonic() + NOTICED_S
        while not (has_lost_one := self._has_lost_one()) and time.monotonic() < deadline_s:
            time.sleep(LOOK_S)
        return has_lost_one

    def _has_lost_one(self) -> bool:
        return not self._begun_with <= _alive()


@contextmanager
def watched(context: DataContext) -> Generator[Nodes]:
    """Watch the nodes while a flow runs. Raises `NodeDied` for errors that it explains."""
    nodes = Nodes()

    class EachStep(ExecutionCallback):  # type: ignore[misc]  # Ray is followed by no types
        """Is asked by Ray Data at least ten times a second; what it raises ends the execution."""

        def on_execution_step(self, executor: Any) -> None:
            """See Ray's `ExecutionCallback`."""
            nodes.check_progress()

    others = context.custom_execution_callback_classes
    context.custom_execution_callback_classes = [*others, EachStep]
    try:
        yield nodes
    except RayError as error:
        if nodes.explain(error):
            raise NodeDied("a node has died") from error
        raise


def _alive() -> set[str]:
    return {node["NodeID"] for node in ray.nodes() if node["Alive"]}


def _may_be_a_node(error: RayError) -> bool:
    """Return whether the error is Ray's own, and not one that a stage has raised."""
    if isinstance(error, RayTaskError):
        return isinstance(error.cause, RayError)
    return not (isinstance(error, RayActorError) and error.actor_init_failed)
