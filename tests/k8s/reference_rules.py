"""Names, selectors and ports that must agree from one object to another."""

from collections.abc import Iterator

import yaml

from tests.k8s.rendered import (
    K8S,
    Object,
    Rule,
    cluster,
    containers,
    groups,
    of_kind,
    pods,
    ports,
    ray_service,
    selected,
)

EXTERNAL = {"redis-cleanup"}
"""Node types of pods that KubeRay makes from no template here."""

OTHERS = {
    "acme.cert-manager.io/http01-solver": 8089,
    "gateway.networking.k8s.io/gateway-name": 80,
}
"""Labels of pods that other operators make in this namespace, with the port that they listen on."""


def selectors_select(objects: list[Object]) -> Iterator[str]:
    for kind, path in (
        ("PodDisruptionBudget", "selector"),
        ("PodMonitor", "selector"),
        ("NetworkPolicy", "podSelector"),
    ):
        for item in of_kind(objects, kind):
            if not _others_port(item["spec"][path]) and not selected(objects, item["spec"][path]):
                yield f"{kind} {item['metadata']['name']}: selects no pod"
    for item in of_kind(objects, "Service"):
        if not selected(objects, {"matchLabels": item["spec"]["selector"]}):
            yield f"Service {item['metadata']['name']}: selects no pod"
    for item in of_kind(objects, "StatefulSet"):
        if item["metadata"]["name"] not in selected(objects, item["spec"]["selector"]):
            yield f"StatefulSet {item['metadata']['name']}: does not select its own pods"
    for name, pod in pods(objects).items():
        for constraint in pod["spec"].get("topologySpreadConstraints", []):
            if [*selected(objects, constraint["labelSelector"])] != [name]:
                yield f"{name}: is spread from other pods than its own"
    for group in groups(objects):
        name, labels = group["groupName"], group["template"]["metadata"].get("labels", {})
        ours = (labels.get("app.kubernetes.io/component"), group.get("labels", {}).get("stage"))
        if ours != (name, name):
            yield f"{name}: its labels say {ours}"


def policies_meet_pods(objects: list[Object]) -> Iterator[str]:
    for policy in of_kind(objects, "NetworkPolicy"):
        name, spec = policy["metadata"]["name"], policy["spec"]
        own = selected(objects, spec["podSelector"])
        for rule in spec.get("ingress", []):
            yield from _unopened(name, rule, own, _others_port(spec["podSelector"]))
            yield from _peers_exist(objects, name, rule.get("from", []))
        for rule in spec.get("egress", []):
            yield from _peers_exist(objects, name, rule.get("to", []))
            for peer in rule.get("to", []):
                if "podSelector" in peer and "namespaceSelector" not in peer:
                    yield from _unopened(name, rule, selected(objects, peer["podSelector"]))


def _others_port(selector: Object) -> int | None:
    """Return the port of the pods that another operator makes, if the selector means those."""
    return next(
        (OTHERS[label] for label in selector.get("matchLabels", {}) if label in OTHERS), None
    )


def _unopened(
    policy: str, rule: Object, targets: dict[str, Object], others: int | None = None
) -> Iterator[str]:
    open_ports = {others, *(port for pod in targets.values() for port in ports(pod).values())}
    for port in rule.get("ports", []):
        if port["port"] not in open_ports:
            yield f"policy {policy}: no pod has port {port['port']}"


def _peers_exist(objects: list[Object], policy: str, peers: list[Object]) -> Iterator[str]:
    for peer in peers:
        if "podSelector" not in peer or "namespaceSelector" in peer:
            continue
        terms = peer["podSelector"].get("matchExpressions", [])
        foreign = any(term["key"].startswith("gateway.networking") for term in terms)
        if not foreign and not selected(objects, peer["podSelector"]):
            yield f"policy {policy}: its peer is no pod"
        for term in terms:
            known = {pod["metadata"]["labels"].get(term["key"]) for pod in pods(objects).values()}
            if unknown := set(term.get("values", [])) - known - EXTERNAL:
                yield f"policy {policy}: no pod is {sorted(unknown)}"


def ports_are_open(objects: list[Object]) -> Iterator[str]:
    for item in of_kind(objects, "Service"):
        targets = selected(objects, {"matchLabels": item["spec"]["selector"]}).values()
        for port in item["spec"]["ports"]:
            if not any(ports(pod).get(port["targetPort"]) == port["port"] for pod in targets):
                yield f"Service {item['metadata']['name']}: no pod has port {port}"
    for item in of_kind(objects, "PodMonitor"):
        for endpoint in item["spec"]["podMetricsEndpoints"]:
            for name, pod in selected(objects, item["spec"]["selector"]).items():
                if endpoint["port"] not in ports(pod):
                    yield f"PodMonitor: {name} has no port {endpoint['port']}"
    serve = (
        f"{ray_service(objects)['metadata']['name']}-serve-svc",
        ports(pods(objects)["head"]).get("serve"),
    )
    for item in of_kind(objects, "ScrapeConfig"):
        if "staticConfigs" not in item["spec"]:
            continue
        wanted = f"{serve[0]}.{item['metadata']['namespace']}.svc:{serve[1]}"
        targets = [one for static in item["spec"]["staticConfigs"] for one in static["targets"]]
        if targets != [wanted]:
            yield f"ScrapeConfig: asks {targets}, not {wanted} once"
    for item in of_kind(objects, "Ingress"):
        for rule in item["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                if (backend["name"], backend["port"].get("number")) != serve:
                    yield f"Ingress: leads to {backend}, not to {serve}"


def references_exist(objects: list[Object]) -> Iterator[str]:
    accounts = {item["metadata"]["name"] for item in of_kind(objects, "ServiceAccount")}
    claims = {item["metadata"]["name"] for item in of_kind(objects, "PersistentVolumeClaim")}
    for item in of_kind(objects, "PersistentVolumeClaim"):
        shared = "ReadWriteMany" in item["spec"]["accessModes"]
        if shared and not item["spec"].get("storageClassName"):
            yield f"claim {item['metadata']['name']}: names no class that many nodes may mount"
    used_claims = set()
    for name, pod in pods(objects).items():
        spec = pod["spec"]
        if "ray.io/node-type" in pod["metadata"]["labels"] and (
            spec.get("serviceAccountName") not in accounts
        ):
            yield f"{name}: its ServiceAccount is not there"
        for volume in spec.get("volumes", []):
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            used_claims |= {claim} - {None}
    if used_claims != claims:
        yield f"claims used {sorted(used_claims)}, made {sorted(claims)}"
    services = {item["metadata"]["name"]: item["spec"] for item in of_kind(objects, "Service")}
    redis = cluster(objects).get("gcsFaultToleranceOptions")
    if redis is not None:
        host, port = redis["redisAddress"].split(":")
        if [int(port)] != [entry["port"] for entry in services.get(host, {}).get("ports", [])]:
            yield f"Redis is not at {redis['redisAddress']}"
    for item in of_kind(objects, "StatefulSet"):
        if item["spec"]["serviceName"] not in services:
            yield f"StatefulSet {item['metadata']['name']}: its Service is not there"


def secrets_have_examples(objects: list[Object]) -> Iterator[str]:
    examples = {
        (example["metadata"]["name"], key)
        for path in (K8S / "secrets").glob("*.yaml.example")
        for example in [yaml.safe_load(path.read_text())]
        for key in example["stringData"]
    }
    for secret in secrets(objects) - examples:
        yield f"no example says how to make the Secret {secret}"


def secrets(objects: list[Object]) -> set[tuple[str, str]]:
    """Return the Secrets that must be made by hand, with the key that is read."""
    config = cluster(objects)
    found = {(config["authOptions"].get("secretName"), "auth_token")}
    values = [config.get("gcsFaultToleranceOptions", {}).get("redisPassword", {})]
    for pod in pods(objects).values():
        mounts = {m["name"]: m["mountPath"] for c in containers(pod) for m in c["volumeMounts"]}
        variables = [v for c in containers(pod) for v in c.get("env", [])]
        values += variables
        files = {v["value"] for v in variables if v["name"].endswith("_FILE")}
        for volume in pod["spec"].get("volumes", []):
            if "secret" in volume:
                folder = mounts[volume["name"]]
                keys = {file.removeprefix(f"{folder}/") for file in files if folder in file}
                found |= {(volume["secret"]["secretName"], key) for key in keys or {"?"}}
    for item in of_kind(objects, "ScrapeConfig"):
        credentials = item["spec"]["authorization"]["credentials"]
        found.add((credentials["name"], credentials["key"]))
    for value in values:
        if reference := value.get("valueFrom", {}).get("secretKeyRef"):
            found.add((reference["name"], reference["key"]))
    return found


RULES: tuple[Rule, ...] = (
    selectors_select,
    policies_meet_pods,
    ports_are_open,
    references_exist,
    secrets_have_examples,
)
