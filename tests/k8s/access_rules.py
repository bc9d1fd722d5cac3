"""Who may reach what, and where secrets stand."""

import re
from collections.abc import Iterator
from pathlib import Path

from caption_studio.gateway import batches_routes, files_routes, page, routes, service_routes
from tests.k8s.rendered import (
    Object,
    Rule,
    cluster,
    containers,
    of_kind,
    pods,
    ray_service,
    selected,
)

SECRET_NAME = re.compile(r"TOKEN|PASSWORD|SECRET|KEYS?$")
ROOMS = (routes, service_routes, files_routes, batches_routes)
PUBLIC = {
    re.sub(r"(?<=.)/\{.*", "", path)
    for path in (
        *re.findall(
            r'"(/v1/[^"]+)"',
            "".join(Path(str(room.__file__)).read_text() for room in ROOMS),
        ),
        *page.OPEN,
        "/openapi.json",
    )
}
"""What callers call: the gateway's own routes, the page and the reference; the administrators' are
in a module of theirs."""
HIDDEN = {"/metrics*", "/v1/admin*"}
DASHBOARD = 8265
CLOSED_PORTS = {DASHBOARD, 6379, 10001}
"""Whoever reaches one of these runs code in the cluster."""


def secrets_are_referenced(objects: list[Object]) -> Iterator[str]:
    yield from ("a Secret stands in the manifests" for _ in of_kind(objects, "Secret"))
    for name, pod in pods(objects).items():
        for container in containers(pod):
            for variable in container.get("env", []):
                if SECRET_NAME.search(variable["name"]) and "value" in variable:
                    yield f"{name}: {variable['name']} has its value in the manifest"
    redis = cluster(objects).get("gcsFaultToleranceOptions", {}).get("redisPassword", {})
    if "value" in redis:
        yield "Redis's password stands in the manifest"


def doors_are_closed(objects: list[Object]) -> Iterator[str]:
    policies = of_kind(objects, "NetworkPolicy")
    deny = [p["spec"] for p in policies if not p["spec"]["podSelector"]]
    closed = {kind for spec in deny for kind in spec["policyTypes"] if kind.lower() not in spec}
    if closed != {"Ingress", "Egress"}:
        yield "there is no default-deny policy for both directions"
    for policy in policies:
        if not any(pod != "redis" for pod in selected(objects, policy["spec"]["podSelector"])):
            continue
        for rule in policy["spec"].get("ingress", []):
            yield from _open_doors(policy["metadata"]["name"], rule)


def _open_doors(policy: str, rule: Object) -> Iterator[str]:
    opened = {port["port"] for port in rule.get("ports", [])} & CLOSED_PORTS
    if rule.get("ports") and not opened:
        if not rule.get("from"):
            yield f"policy {policy}: lets anyone in"
        return
    for peer in rule.get("from", [{}]):
        ray = peer.get("podSelector", {}).get("matchExpressions", [{}])[0].get("key")
        operator = peer.get("podSelector", {}).get("matchLabels", {})
        ours = "namespaceSelector" not in peer and ray == "ray.io/node-type"
        kuberay = operator == {"app.kubernetes.io/component": "kuberay-operator"}
        if not ours and not (kuberay and opened == {DASHBOARD}):
            yield f"policy {policy}: lets strangers to Ray's own ports"


def ingress_has_tls(objects: list[Object]) -> Iterator[str]:
    for ingress in of_kind(objects, "Ingress"):
        secured = {host for entry in ingress["spec"].get("tls", []) for host in entry["hosts"]}
        for rule in ingress["spec"]["rules"]:
            if rule.get("host") not in secured:
                yield f"ingress: {rule.get('host')} has no TLS"
            paths = {path["path"] for path in rule["http"]["paths"]}
            yield from (f"ingress: {path} is not for callers" for path in paths - PUBLIC)
            yield from (f"ingress: callers cannot reach {path}" for path in PUBLIC - paths)


def gateway_hides_what_is_not_for_callers(objects: list[Object]) -> Iterator[str]:
    """KubeRay's own Gateway and HTTPRoute, of an incremental upgrade, lead every path to Serve."""
    service = ray_service(objects)
    if service["spec"]["upgradeStrategy"]["type"] != "NewClusterWithIncrementalUpgrade":
        return
    barred = {
        path
        for policy in of_kind(objects, "AuthorizationPolicy")
        if policy["spec"]["action"] == "DENY"
        and [one["name"] for one in policy["spec"]["targetRefs"]]
        == [f"{service['metadata']['name']}-gateway"]
        for rule in policy["spec"]["rules"]
        for to in rule["to"]
        for path in to["operation"]["paths"]
    }
    yield from (f"the Gateway shows {path}" for path in sorted(HIDDEN - barred))


def objects_are_ours(objects: list[Object]) -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    for item in objects:
        identity = (item["kind"], item["metadata"]["name"])
        if identity in seen:
            yield f"{identity} is there twice"
        seen.add(identity)
        if item["kind"] == "ConfigMap":
            yield "the Serve config would be applied as a ConfigMap"
        namespace = item["metadata"].get("namespace")
        if item["kind"] != "Namespace" and namespace != "caption-studio":
            yield f"{identity} is in another namespace"


RULES: tuple[Rule, ...] = (
    secrets_are_referenced,
    doors_are_closed,
    ingress_has_tls,
    gateway_hides_what_is_not_for_callers,
    objects_are_ours,
)
