"""What any pod here must be: whole, pinned, restricted, and movable."""

import re
from collections.abc import Iterator

from tests.k8s.rendered import Object, Rule, cluster, containers, groups, of_kind, pods, selected

MAX_PORT_NAME = 15
PINNED_IMAGE = re.compile(r"[^\s@]+:(?!latest)\w[\w.-]*\d[\w.-]*(@sha256:[0-9a-f]{64})?")


def pods_are_whole(objects: list[Object]) -> Iterator[str]:
    claims = {
        template["metadata"]["name"]
        for item in of_kind(objects, "StatefulSet")
        for template in item["spec"].get("volumeClaimTemplates", [])
    }
    for name, pod in pods(objects).items():
        volumes = {volume["name"] for volume in pod["spec"].get("volumes", [])}
        mounted = {m["name"] for c in containers(pod) for m in c.get("volumeMounts", [])}
        if missing := mounted - volumes - claims:
            yield f"{name}: mounts volumes that are not there: {sorted(missing)}"
        if unused := volumes - mounted:
            yield f"{name}: volumes that nothing mounts: {sorted(unused)}"
        for container in containers(pod):
            resources = container.get("resources", {})
            requests, limits = resources.get("requests", {}), resources.get("limits", {})
            if not {"cpu", "memory"} <= requests.keys() & limits.keys():
                yield f"{name}: cpu or memory without request or limit"
            for resource in requests.keys() | limits.keys():
                gpu = resource.endswith("/gpu")
                if gpu and requests.get(resource) != limits.get(resource):
                    yield f"{name}: {resource}: request and limit differ"
            if not PINNED_IMAGE.fullmatch(container["image"]):
                yield f"{name}: image {container['image']!r} is not pinned to a version"
            for port in container.get("ports", []):
                if len(port["name"]) > MAX_PORT_NAME:
                    yield f"{name}: port name {port['name']!r} is over {MAX_PORT_NAME} characters"


def pods_are_restricted(objects: list[Object]) -> Iterator[str]:
    for namespace in of_kind(objects, "Namespace"):
        labels = namespace["metadata"].get("labels", {})
        if labels.get("pod-security.kubernetes.io/enforce") != "restricted":
            yield "the namespace does not enforce restricted pods"
    for name, pod in pods(objects).items():
        spec = pod["spec"]
        for key in ("hostNetwork", "hostPID", "hostIPC"):
            if spec.get(key):
                yield f"{name}: {key}"
        yield from (f"{name}: a hostPath" for v in spec.get("volumes", []) if "hostPath" in v)
        for container in containers(pod):
            security = {**spec.get("securityContext", {}), **container.get("securityContext", {})}
            yield from (f"{name}: {problem}" for problem in _unrestricted(security))
    security = cluster(objects).get("autoscalerOptions", {}).get("securityContext", {})
    yield from (f"autoscaler: {problem}" for problem in _unrestricted(security))


def _unrestricted(security: Object) -> Iterator[str]:
    if security.get("runAsNonRoot") is not True or security.get("runAsUser") == 0:
        yield "may run as root"
    if security.get("allowPrivilegeEscalation") is not False or security.get("privileged"):
        yield "may gain privileges"
    if security.get("capabilities") != {"drop": ["ALL"]}:
        yield "keeps capabilities"
    if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "has no seccomp profile"


def budgets_let_nodes_drain(objects: list[Object]) -> Iterator[str]:
    sizes = {f"worker:{group['groupName']}": group["minReplicas"] for group in groups(objects)}
    for budget in of_kind(objects, "PodDisruptionBudget"):
        name, spec = f"budget {budget['metadata']['name']}", budget["spec"]
        if type(spec.get("minAvailable")) is not int or "maxUnavailable" in spec:
            yield f"{name}: KubeRay's pods take an integer minAvailable only"
            continue
        for pod in selected(objects, spec["selector"]):
            if spec["minAvailable"] >= sizes.get(pod, 1):
                yield f"{name}: {pod} may be as few, and no node of it could be drained"
    for pod, size in sizes.items():
        budgets = of_kind(objects, "PodDisruptionBudget")
        if size > 1 and not any(pod in selected(objects, b["spec"]["selector"]) for b in budgets):
            yield f"{pod}: has no budget"


RULES: tuple[Rule, ...] = (
    pods_are_whole,
    pods_are_restricted,
    budgets_let_nodes_drain,
)
