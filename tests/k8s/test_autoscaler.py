"""Ray's own autoscaler, asked what it would start for a deployment's replicas."""

import pytest
from ray.autoscaler.v2.instance_manager.config import AutoscalingConfig
from ray.autoscaler.v2.scheduler import ResourceDemandScheduler, SchedulingReply, SchedulingRequest
from ray.autoscaler.v2.utils import ResourceRequestUtil
from ray.core.generated.common_pb2 import LabelSelectorOperator

from tests.k8s.rendered import OVERLAYS, Object, overlay, serve_config
from tests.k8s.serve_rules import autoscaler_config, max_replicas


def asked_for(objects: list[Object], deployments: list[Object]) -> SchedulingReply:
    """Return what starts in an empty cluster for all replicas of `deployments`."""
    config = AutoscalingConfig(autoscaler_config(objects), skip_content_hash=True)
    requests = []
    for deployment in deployments:
        options = deployment["ray_actor_options"]
        wanted = {"CPU": options["num_cpus"], "GPU": options.get("num_gpus", 0)}
        selector = [
            (key, LabelSelectorOperator.LABEL_OPERATOR_IN, [value])
            for key, value in options["label_selector"].items()
        ]
        request = ResourceRequestUtil.make(
            {name: count for name, count in wanted.items() if count}, label_selectors=[selector]
        )
        requests += [request] * max_replicas(deployment)
    return ResourceDemandScheduler().schedule(
        SchedulingRequest(
            disable_launch_config_check=True,
            node_type_configs=config.get_node_type_configs(),
            max_num_nodes=config.get_max_num_nodes(),
            resource_requests=ResourceRequestUtil.group_by_count(requests),
        )
    )


def started(reply: SchedulingReply) -> dict[str, int]:
    return {launch.instance_type: launch.count for launch in reply.to_launch}


@pytest.mark.parametrize("name", OVERLAYS)
def test_each_replica_brings_a_pod_of_its_own_group(name: str) -> None:
    objects = overlay(name)
    (application,) = serve_config(objects)["applications"]
    reply = asked_for(objects, application["deployments"])
    assert reply.infeasible_resource_requests == []
    assert started(reply) == {
        deployment["ray_actor_options"]["label_selector"]["stage"]: max_replicas(deployment)
        for deployment in application["deployments"]
    }


def test_a_replica_that_no_group_is_labelled_for_brings_none() -> None:
    objects = overlay("gpu")
    (application,) = serve_config(objects)["applications"]
    (describer,) = (d for d in application["deployments"] if d["name"] == "Describer")
    describer["ray_actor_options"]["label_selector"]["stage"] = "describers"
    assert len(asked_for(objects, [describer]).infeasible_resource_requests) == max_replicas(
        describer
    )
