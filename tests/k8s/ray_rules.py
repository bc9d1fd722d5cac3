"""What KubeRay and Ray need of a RayService, and no schema says."""

import re
from collections.abc import Iterator

import ray

from tests.k8s.rendered import Object, Rule, cluster, groups, of_kind, pods, ports, ray_service

HEAD_PORTS = {
    "gcs-server": 6379,
    "dashboard": 8265,
    "client": 10001,
    "serve": 8000,
    "metrics": 8080,
    "as-metrics": 44217,
    "dash-metrics": 44227,
}
WORKER_PORTS = {"serve": 8000, "metrics": 8080}
SPREAD = {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
UPGRADES = ("NewCluster", "NewClusterWithIncrementalUpgrade", "None")
MAX_NAME = 47
WITHOUT_MODELS = ("head", "worker:gateway")
INITIALIZING_TIMEOUT = "ray.io/initializing-timeout"


def service_is_as_kuberay_needs_it(objects: list[Object]) -> Iterator[str]:
    service = ray_service(objects)
    spec = service["spec"]
    if len(service["metadata"]["name"]) > MAX_NAME:
        yield f"the RayService's name is over {MAX_NAME} characters"
    if spec.get("excludeHeadPodFromServeSvc") is not True:
        yield "the head is in the Serve service"
    timeout = service["metadata"].get("annotations", {}).get(INITIALIZING_TIMEOUT)
    if timeout is not None and not re.fullmatch(r"[1-9]\d*h", timeout):
        yield f"{INITIALIZING_TIMEOUT} is final: leave it out, or give hours"
    if service["apiVersion"] != "ray.io/v1":
        yield "the RayService is not of ray.io/v1"


def upgrade_strategy_exists(objects: list[Object]) -> Iterator[str]:
    spec = ray_service(objects)["spec"]
    strategy = spec.get("upgradeStrategy", {})
    kind = strategy.get("type")
    if kind not in UPGRADES:
        yield f"upgradeStrategy.type {kind!r} is none of {UPGRADES}"
    if kind != "NewClusterWithIncrementalUpgrade":
        return
    options = strategy.get("clusterUpgradeOptions", {})
    if options.get("stepSizePercent", 101) > options.get("maxSurgePercent", 100):
        yield "stepSizePercent is over maxSurgePercent"
    if of_kind(objects, "Ingress"):
        yield "an own Ingress beside an incremental upgrade"
    if "serveService" in spec:
        yield "an incremental upgrade ignores serveService"


def cluster_is_as_ray_needs_it(objects: list[Object]) -> Iterator[str]:
    config = cluster(objects)
    if config.get("rayVersion") != ray.__version__:
        yield f"rayVersion {config.get('rayVersion')!r} is not the image's {ray.__version__}"
    auth = config.get("authOptions", {})
    if auth.get("mode") != "token" or not auth.get("secretName"):
        yield "authOptions ask for no token"
    if "enableK8sTokenAuth" in auth:
        yield "enableK8sTokenAuth does not work in a RayService"
    scaled = config.get("enableInTreeAutoscaling") is True
    if not scaled or config.get("autoscalerOptions", {}).get("version") != "v2":
        yield "the autoscaler is not v2, or off"
    if "externalStorageNamespace" in config.get("gcsFaultToleranceOptions", {}):
        yield "externalStorageNamespace: two clusters of an upgrade would share their state"


def groups_are_whole(objects: list[Object]) -> Iterator[str]:
    head = cluster(objects)["headGroupSpec"]
    for resource in ("num-cpus", "num-gpus"):
        if head.get("rayStartParams", {}).get(resource) != "0":
            yield f"head: {resource} is not 0"
    if ray_ports := HEAD_PORTS.items() - ports(head["template"]).items():
        yield f"head: ports missing or wrong: {sorted(ray_ports)}"
    for group in [head, *groups(objects)]:
        name = group.get("groupName", "head")
        if "rayStartParams" not in group:
            yield f"{name}: rayStartParams are missing"
        parameters = group.get("rayStartParams", {})
        if "labels" in parameters:
            yield f"{name}: labels in rayStartParams are refused"
        if group.get("resources") and parameters.keys() & {"num-cpus", "num-gpus", "memory"}:
            yield f"{name}: resources and rayStartParams both say what there is"
    for group in groups(objects):
        name = group["groupName"]
        if not group["minReplicas"] <= group.get("replicas", 0) <= group["maxReplicas"]:
            yield f"{name}: replicas are not between minReplicas and maxReplicas"
        if group["template"]["spec"].get("automountServiceAccountToken") is not False:
            yield f"{name}: has a token of the API server"
        constraints = group["template"]["spec"].get("topologySpreadConstraints", [])
        if missing := SPREAD - {constraint["topologyKey"] for constraint in constraints}:
            yield f"{name}: is not spread over {sorted(missing)}"
        if worker_ports := WORKER_PORTS.items() - ports(group["template"]).items():
            yield f"{name}: ports missing or wrong: {sorted(worker_ports)}"


def images_are_of_one_version(objects: list[Object]) -> Iterator[str]:
    ray_pods = {
        name: pod["spec"]["containers"][0]["image"].rpartition(":")[2].rpartition("-")
        for name, pod in pods(objects).items()
        if "ray.io/node-type" in pod["metadata"]["labels"]
    }
    if len(versions := {version for version, _, _ in ray_pods.values()}) > 1:
        yield f"the images of one cluster are of several versions: {sorted(versions)}"
    for name, (_, _, kind) in ray_pods.items():
        if kind == "gateway" and name not in WITHOUT_MODELS:
            yield f"{name}: its image has no models"


def pods_are_as_ray_needs_them(objects: list[Object]) -> Iterator[str]:
    for name, pod in pods(objects).items():
        if "ray.io/node-type" not in pod["metadata"]["labels"]:
            continue
        spec = pod["spec"]
        first = spec["containers"][0]
        if not first["name"].startswith("ray-"):
            yield f"{name}: the first container is not Ray's"
        if spec.get("restartPolicy") != "Never":
            yield f"{name}: restartPolicy is not Never, which autoscaler v2 needs"
        mounts = {mount["mountPath"]: mount["name"] for mount in first["volumeMounts"]}
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        if "emptyDir" not in volumes.get(mounts.get("/tmp/ray"), {}):
            yield f"{name}: Ray's logs have no emptyDir"


RULES: tuple[Rule, ...] = (
    service_is_as_kuberay_needs_it,
    upgrade_strategy_exists,
    cluster_is_as_ray_needs_it,
    groups_are_whole,
    images_are_of_one_version,
    pods_are_as_ray_needs_them,
)
