"""Serve's state → whether a deployment sleeps: it has no replica, and a request starts one.

Such a stage counts as ready: requests wait, within their deadline, for its cold start. A gateway
that reported itself not ready would get no traffic, and nothing would ever wake the stage.
"""

from collections.abc import Callable

from ray import serve
from ray.serve.schema import DeploymentStatus, ReplicaState

_ON_PURPOSE = (DeploymentStatus.HEALTHY, DeploymentStatus.UPSCALING)
"""At its target of zero, or waking up. A first start is UPDATING, lost replicas UNHEALTHY."""


def in_application(application: str) -> Callable[[str], bool]:
    """Return a test of one application's deployments by name; it asks Serve and blocks."""

    def is_asleep(deployment: str) -> bool:
        found = serve.status().applications.get(application)
        state = None if found is None else found.deployments.get(deployment)
        if state is None:
            return False
        running = state.replica_states.get(ReplicaState.RUNNING.value, 0)
        return running == 0 and state.status in _ON_PURPOSE

    return is_asleep
