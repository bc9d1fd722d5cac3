"""The Serve config in a RayService: that it loads, builds and fits its worker groups."""

import importlib
import math
from collections.abc import Iterator
from typing import Any

from ray._common.utils import import_attr
from ray.autoscaler._private.kuberay.autoscaling_config import (
    _derive_autoscaling_config_from_ray_cr,
)
from ray.serve import Application
from ray.serve.config import AutoscalingConfig
from ray.serve.schema import ServeDeploySchema

from tests.k8s.rendered import Object, Rule, cluster, pods, ports, serve_config


def config_loads(objects: list[Object]) -> Iterator[str]:
    config = serve_config(objects)
    yield from schema_problems(config)
    http = config["http_options"]
    if http.get("port") != ports(pods(objects)["head"]).get("serve"):
        yield "Serve listens on another port than the pods have"
    if http.get("host") != "0.0.0.0":
        yield "Serve listens to its own pod only"
    if config.get("proxy_location") != "EveryNode":
        yield "Serve has no proxy on the workers"


def schema_problems(config: Object) -> Iterator[str]:
    """Yield what Serve refuses in a config file, and what it would throw away."""
    try:
        known = ServeDeploySchema.model_validate(config).model_dump(exclude_unset=True)
        for application in known["applications"]:
            for deployment in application["deployments"]:
                if scaling := deployment.get("autoscaling_config"):
                    checked = AutoscalingConfig.model_validate(scaling)
                    deployment["autoscaling_config"] = checked.model_dump(exclude_unset=True)
    except ValueError as error:
        yield f"serveConfigV2: {error}"
        return
    yield from (f"unknown: {path}" for path in _dropped(config, known))


def _dropped(given: Any, taken: Any) -> Iterator[str]:
    """Yield the fields that Serve's schema took without a word and threw away."""
    if isinstance(given, dict) and isinstance(taken, dict):
        for name, value in given.items():
            if name not in taken:
                yield name
            else:
                yield from (f"{name}.{path}" for path in _dropped(value, taken[name]))
    elif isinstance(given, list):
        for index, (value, below) in enumerate(zip(given, taken, strict=True)):
            yield from (f"{index}.{path}" for path in _dropped(value, below))


def application_builds(objects: list[Object]) -> Iterator[str]:
    for application in serve_config(objects)["applications"]:
        try:
            built = deployments(application)
        except (ImportError, AttributeError, ValueError) as error:
            yield f"{application['import_path']}: {error}"
            continue
        named = {deployment["name"] for deployment in application["deployments"]}
        if named != built.keys():
            yield f"the config names {sorted(named)}, the application has {sorted(built)}"
            return
        for deployment in application["deployments"]:
            name = deployment["name"]
            limit = deployment.get("max_ongoing_requests", built[name])
            scaling = deployment.get("autoscaling_config", {})
            if scaling.get("target_ongoing_requests", 0) > limit:
                yield f"{name}: is scaled at more than the {limit} requests that it takes"


def deployments(application: Object) -> dict[str, int]:
    """Import and build; return each deployment's `max_ongoing_requests`."""
    module, _, name = application["import_path"].partition(":")
    build = getattr(importlib.import_module(module), name)
    return dict(_bound(build(application.get("args"))))


def _bound(application: Application) -> Iterator[tuple[str, int]]:
    deployment = application._bound_deployment
    yield deployment.name, deployment._deployment_config.max_ongoing_requests
    for argument in deployment.init_args:
        if isinstance(argument, Application):
            yield from _bound(argument)


def replicas_fit_their_groups(objects: list[Object]) -> Iterator[str]:
    groups = node_types(objects)
    used = set()
    for application in serve_config(objects)["applications"]:
        for deployment in application["deployments"]:
            name, options = deployment["name"], deployment.get("ray_actor_options", {})
            selector = options.get("label_selector", {})
            places = [g for g, node in groups.items() if selector.items() <= node["labels"].items()]
            if not selector or len(places) != 1:
                yield f"{name}: label_selector {selector} selects {places}"
                continue
            used.add(places[0])
            yield from _misfits(name, deployment, groups[places[0]])
    if unused := groups.keys() - used:
        yield f"no deployment uses {sorted(unused)}"


def node_types(objects: list[Object]) -> dict[str, Any]:
    """Return what Ray's autoscaler believes that each worker group offers."""
    nodes = autoscaler_config(objects)["available_node_types"]
    return {name: node for name, node in nodes.items() if name != "headgroup"}


def autoscaler_config(objects: list[Object]) -> dict[str, Any]:
    """Return the configuration that Ray's autoscaler makes from the RayCluster."""
    custom_resource = {
        "metadata": {"name": "cluster", "namespace": "caption-studio"},
        "spec": cluster(objects),
    }
    return dict(_derive_autoscaling_config_from_ray_cr(custom_resource))


def _misfits(name: str, deployment: Object, node: Object) -> Iterator[str]:
    options = deployment["ray_actor_options"]
    needs = {"CPU": options.get("num_cpus", 0), "GPU": options.get("num_gpus", 0)}
    offers = node["resources"]
    per_pod = min(int(offers.get(resource, 0) // need) for resource, need in needs.items() if need)
    if not per_pod:
        yield f"{name}: needs {needs}, a pod offers {offers}"
    if bool(needs["GPU"]) != bool(offers.get("GPU")):
        yield f"{name}: needs {needs['GPU']} GPUs, a pod has {offers.get('GPU', 0)}"
    surge = math.ceil(max_replicas(deployment) * deployment.get("max_surge_percent", 0) / 100)
    replicas = (min_replicas(deployment), max_replicas(deployment) + surge)
    room = (node["min_workers"] * per_pod, node["max_workers"] * per_pod)
    if replicas != room:
        yield f"{name}: {replicas} replicas, its group has room for {room}"


def min_replicas(deployment: Object) -> int:
    scaling = deployment.get("autoscaling_config")
    return int(scaling["min_replicas"] if scaling else deployment["num_replicas"])


def max_replicas(deployment: Object) -> int:
    scaling = deployment.get("autoscaling_config")
    return int(scaling["max_replicas"] if scaling else deployment["num_replicas"])


def policies_build(objects: list[Object]) -> Iterator[str]:
    for application in serve_config(objects)["applications"]:
        policy = application.get("autoscaling_policy")
        if policy is None:
            continue
        try:
            import_attr(policy["policy_function"])(**policy.get("policy_kwargs", {}))
        except (AttributeError, ImportError, ValueError) as error:
            yield f"autoscaling_policy: {error}"


RULES: tuple[Rule, ...] = (
    config_loads,
    application_builds,
    policies_build,
    replicas_fit_their_groups,
)
