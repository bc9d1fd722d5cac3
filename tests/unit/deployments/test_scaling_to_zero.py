from types import SimpleNamespace
from typing import Any

import pytest
from ray.serve.schema import DeploymentStatus

from caption_studio.deployments import scaling_to_zero


@pytest.mark.parametrize(
    ("status", "replicas", "asleep"),
    [
        (DeploymentStatus.HEALTHY, {}, True),
        (DeploymentStatus.UPSCALING, {"STARTING": 1}, True),
        (DeploymentStatus.UPSCALING, {"RUNNING": 1, "STARTING": 1}, False),
        (DeploymentStatus.HEALTHY, {"RUNNING": 1}, False),
        (DeploymentStatus.UPDATING, {"STARTING": 1}, False),
        (DeploymentStatus.UNHEALTHY, {}, False),
    ],
)
def test_asleep_is_no_replica_on_purpose(
    status: DeploymentStatus,
    replicas: dict[str, int],
    asleep: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deployment = SimpleNamespace(status=status, replica_states=replicas)
    application = SimpleNamespace(deployments={"Describer": deployment})
    overview: Any = SimpleNamespace(applications={"studio": application})
    monkeypatch.setattr(scaling_to_zero.serve, "status", lambda: overview)
    assert scaling_to_zero.in_application("studio")("Describer") is asleep
    assert scaling_to_zero.in_application("studio")("Captioner") is False
    assert scaling_to_zero.in_application("another")("Describer") is False
