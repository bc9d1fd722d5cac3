"""Compare what a config file and its models ask for with what the machines have; pure.

Ray would wait for ever for a missing GPU, and report it only in a log.
"""

from collections.abc import Mapping

from ray.serve.schema import DeploymentSchema, ServeDeploySchema

_NAMES = {"num_gpus": "GPU", "num_cpus": "CPU"}


def missing(config: ServeDeploySchema, has: Mapping[str, float]) -> str | None:
    """Return what is missing, in words, or None.

    `has` is what Ray counts (`ray.cluster_resources`). Deployments without resource options, and
    replicas above an autoscaled deployment's minimum, ask for nothing here.
    """
    wanted = dict.fromkeys(_NAMES, 0.0)
    for application in config.applications:
        for deployment in application.deployments:
            for option in _NAMES:
                wanted[option] += _fewest(deployment) * _option(deployment, option)
    for option, resource in _NAMES.items():
        there = has.get(resource, 0.0)
        if round(wanted[option] - there, 4) > 0:  # Ray counts in ten-thousandths
            asked = f"{wanted[option]:g} {resource}{'' if wanted[option] == 1 else 's'}"
            return f"It asks for {asked}, and has {there:g}."
    return None


def _fewest(deployment: DeploymentSchema) -> int:
    if isinstance(deployment.autoscaling_config, Mapping):
        return int(deployment.autoscaling_config.get("min_replicas", 1))
    replicas = deployment.num_replicas
    return replicas if isinstance(replicas, int) else 1


def _option(deployment: DeploymentSchema, name: str) -> float:
    options = deployment.ray_actor_options
    value = getattr(options, name, None)
    return float(value) if isinstance(value, int | float) else 0.0
