"""Each mistake one can make in the manifests is found, by the check that is there for it."""

import re
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from tests.k8s import schemas
from tests.k8s.rendered import Object, overlay, ray_service
from tests.k8s.rules import RULES

GONE = object()
GATEWAY, DESCRIBER, CAPTIONER = (f"spec.rayClusterConfig.workerGroupSpecs.{n}" for n in range(3))
HEAD = "spec.rayClusterConfig.headGroupSpec"
POD = f"{DESCRIBER}.template.spec"
CONTAINER = f"{POD}.containers.0"
CONFIG = "serveConfigV2"
"""In place of an object: the Serve config in the RayService."""


@dataclass(frozen=True)
class Mistake:
    """`value` at `path` of an object of the overlay gpu, and what is said of it."""

    path: str
    value: Any
    said: str
    object: str = "RayService/caption-studio"

    def __str__(self) -> str:
        value = "gone" if self.value is GONE else str(self.value)
        return f"{self.object}:{self.path.replace('spec.rayClusterConfig.', '')}={value}"[:120]

    def make(self, objects: list[Object]) -> None:
        if self.object == CONFIG:
            spec = ray_service(objects)["spec"]
            config = yaml.safe_load(spec["serveConfigV2"])
            self._put(config)
            spec["serveConfigV2"] = yaml.safe_dump(config)
            return
        kind, name = self.object.split("/")
        (found,) = (o for o in objects if (o["kind"], o["metadata"]["name"]) == (kind, name))
        self._put(found)

    def _put(self, place: Any) -> None:
        *above, last = (
            int(key) if key.isdigit() else key.replace("\\", "")
            for key in re.split(r"(?<!\\)\.", self.path)
        )
        for key in above:
            place = place[key]
        if self.value is GONE:
            del place[last]
        else:
            place[last] = self.value


SERVE = "applications.0.deployments"
POLICY = "applications.0.autoscaling_policy"
UNKNOWN = "Additional properties are not allowed"

FOUND_BY_KUBERAYS_SCHEMA = [
    Mistake("spec.serveConfigV3", "x", "'serveConfigV3'"),
    Mistake("spec.excludeHeadPodFromServeSvc", "true", "is not of type 'boolean'"),
    Mistake("spec.rayClusterConfig.autoscalerOptions.version", "v3", "is not one of"),
    Mistake("spec.rayClusterConfig.authOptions.secret", "x", "'secret'"),
    Mistake("spec.rayClusterConfig.gcsFaultToleranceOptions.redisPasword", {}, "'redisPasword'"),
    Mistake(f"{DESCRIBER}.minReplica", 1, "'minReplica'"),
    Mistake(f"{DESCRIBER}.groupName", GONE, "'groupName' is a required property"),
    Mistake(f"{DESCRIBER}.maxReplicas", "two", "is not of type 'integer'"),
    Mistake(f"{DESCRIBER}.labels", ["stage"], "is not of type 'object'"),
    Mistake(f"{CONTAINER}.imagePullPolizy", "Always", "'imagePullPolizy'"),
    Mistake(f"{CONTAINER}.ports.0.containerPort", "8000", "is not of type 'integer'"),
]

FOUND_BY_KUBERNETES_SCHEMAS = [
    Mistake(f"{CONTAINER}.imagePullPolizy", "Always", UNKNOWN),
    Mistake(f"{POD}.securityContext.runAsUser", "1000", "is not of type"),
    Mistake("spec.ingresClassName", "x", UNKNOWN, "Ingress/caption-studio"),
    Mistake("spec.minAvailabel", 1, UNKNOWN, "PodDisruptionBudget/gateway"),
    Mistake("spec.policyTypes", "Ingress", "is not of type", "NetworkPolicy/default-deny"),
    Mistake("spec.ingress.0.form", [], UNKNOWN, "NetworkPolicy/ray-to-ray"),
    Mistake("spec.replicas", "one", "is not of type", "StatefulSet/redis"),
    Mistake("spec.accessMode", [], UNKNOWN, "PersistentVolumeClaim/model-cache"),
    Mistake("automountToken", False, UNKNOWN, "ServiceAccount/caption-studio-worker"),
    Mistake("spec.podMetricEndpoints", [], UNKNOWN, "PodMonitor/ray-workers"),
    Mistake("apiVersion", "monitoring.coreos.com/v2", "was expected", "PodMonitor/ray-workers"),
    Mistake("spec.staticConfig", [], UNKNOWN, "ScrapeConfig/caption-studio"),
]

FOUND_BY_RULES = [
    # RayService
    Mistake("metadata.name", "c" * 48, "over 47 characters"),
    Mistake("apiVersion", "ray.io/v1alpha1", "not of ray.io/v1"),
    Mistake("metadata.annotations", {"ray.io/initializing-timeout": "10m"}, "is final"),
    Mistake("spec.excludeHeadPodFromServeSvc", GONE, "head is in the Serve service"),
    Mistake("spec.rayClusterDeletionDelaySeconds", 10, "before its requests end"),
    Mistake("spec.upgradeStrategy.type", "NewClusters", "is none of"),
    Mistake("spec.upgradeStrategy.type", "NewClusterWithIncrementalUpgrade", "shows /metrics*"),
    Mistake(
        "spec.upgradeStrategy",
        {"type": "NewClusterWithIncrementalUpgrade", "clusterUpgradeOptions": {}},
        "own Ingress beside",
    ),
    Mistake(
        "spec.upgradeStrategy",
        {
            "type": "NewClusterWithIncrementalUpgrade",
            "clusterUpgradeOptions": {"stepSizePercent": 60, "maxSurgePercent": 50},
        },
        "stepSizePercent is over",
    ),
    Mistake("spec.rayClusterConfig.rayVersion", "2.40.0", "is not the image's"),
    Mistake("spec.rayClusterConfig.authOptions.mode", "disabled", "ask for no token"),
    Mistake("spec.rayClusterConfig.authOptions.enableK8sTokenAuth", True, "does not work"),
    Mistake("spec.rayClusterConfig.enableInTreeAutoscaling", False, "not v2, or off"),
    Mistake("spec.rayClusterConfig.autoscalerOptions.version", GONE, "not v2, or off"),
    Mistake(
        "spec.rayClusterConfig.gcsFaultToleranceOptions.externalStorageNamespace", "x", "share"
    ),
    # Groups
    Mistake(f"{HEAD}.rayStartParams.num-cpus", "1", "num-cpus is not 0"),
    Mistake(f"{HEAD}.template.spec.containers.0.ports.3.containerPort", 8001, "ports missing"),
    Mistake(f"{HEAD}.template.spec.containers.0.ports.3.name", "http", "ports missing"),
    Mistake(f"{CONTAINER}.ports.1.containerPort", 9090, "ports missing"),
    Mistake(f"{DESCRIBER}.minReplicas", 9, "not between"),
    Mistake(f"{DESCRIBER}.rayStartParams", GONE, "rayStartParams are missing"),
    Mistake(f"{DESCRIBER}.rayStartParams.labels", "stage=describer", "are refused"),
    Mistake(f"{POD}.topologySpreadConstraints", GONE, "is not spread over"),
    Mistake(f"{POD}.automountServiceAccountToken", GONE, "token of the API server"),
    # Pods
    Mistake(f"{POD}.restartPolicy", "Always", "restartPolicy is not Never"),
    Mistake(f"{POD}.restartPolicy", GONE, "restartPolicy is not Never"),
    Mistake(f"{CONTAINER}.name", "sidecar", "first container is not Ray's"),
    Mistake(f"{CONTAINER}.volumeMounts.0.mountPath", "/var/log", "logs have no emptyDir"),
    Mistake(f"{CONTAINER}.volumeMounts.0.name", "logs", "not there: ['logs']"),
    Mistake(f"{POD}.volumes.1.name", "cache", "nothing mounts: ['cache']"),
    Mistake(f"{CONTAINER}.resources.requests.nvidia\\.com/gpu", "2", "request and limit differ"),
    Mistake(f"{CONTAINER}.resources.limits.memory", GONE, "without request or limit"),
    Mistake(f"{CONTAINER}.image", "registry.example.com/caption-studio", "not pinned"),
    Mistake(f"{CONTAINER}.image", "caption-studio:latest", "not pinned"),
    Mistake(f"{CONTAINER}.image", "caption-studio:0.3.0-gpu", "of several versions"),
    Mistake(f"{CONTAINER}.image", "caption-studio:0.2.0-gateway", "its image has no models"),
    Mistake(f"{CONTAINER}.ports.1.name", "metrics-of-the-worker", "over 15 characters"),
    Mistake("metadata.labels", {}, "does not enforce", "Namespace/caption-studio"),
    Mistake(f"{POD}.securityContext.runAsUser", 0, "may run as root"),
    Mistake(f"{CONTAINER}.securityContext.seccompProfile", {"type": "Unconfined"}, "no seccomp"),
    Mistake(f"{CONTAINER}.securityContext.privileged", True, "may gain privileges"),
    Mistake(f"{CONTAINER}.securityContext.capabilities", {"add": ["ALL"]}, "keeps capabilities"),
    Mistake("spec.rayClusterConfig.autoscalerOptions.securityContext", GONE, "autoscaler: may"),
    Mistake(f"{POD}.hostNetwork", True, "hostNetwork"),
    Mistake("spec.minAvailable", "50%", "integer minAvailable", "PodDisruptionBudget/gateway"),
    Mistake("spec.minAvailable", 2, "could be drained", "PodDisruptionBudget/gateway"),
    Mistake(f"{DESCRIBER}.minReplicas", 2, "has no budget"),
    # Access
    Mistake(f"{CONTAINER}.env.2", {"name": "HF_TOKEN", "value": "hf_x"}, "value in the manifest"),
    Mistake(
        "spec.rayClusterConfig.gcsFaultToleranceOptions.redisPassword",
        {"value": "x"},
        "password stands in the manifest",
    ),
    Mistake(
        "spec.podSelector", {"matchLabels": {"a": "b"}}, "default", "NetworkPolicy/default-deny"
    ),
    Mistake("spec.policyTypes", ["Ingress"], "both directions", "NetworkPolicy/default-deny"),
    Mistake("spec.ingress", [{}], "strangers", "NetworkPolicy/ingress-to-serve"),
    Mistake("spec.ingress.0.from", GONE, "lets anyone in", "NetworkPolicy/ingress-to-serve"),
    Mistake("spec.ingress.0.ports.0.port", 8265, "strangers", "NetworkPolicy/ingress-to-serve"),
    Mistake("spec.ingress.0.ports.0.port", 10001, "strangers", "NetworkPolicy/operator-to-ray"),
    Mistake("spec.tls", [], "has no TLS", "Ingress/caption-studio"),
    Mistake("spec.rules.0.http.paths.0.path", "/v1", "not for callers", "Ingress/caption-studio"),
    Mistake("metadata.namespace", "default", "another namespace", "Service/redis"),
    # References
    Mistake("spec.selector.matchLabels", {"app": "x"}, "selects no pod", "PodMonitor/ray-head"),
    Mistake("spec.selector", {"app": "x"}, "selects no pod", "Service/redis"),
    Mistake(
        f"{GATEWAY}.template.metadata.labels.app\\.kubernetes\\.io/component",
        GONE,
        "PodDisruptionBudget gateway: selects no pod",
    ),
    Mistake(f"{DESCRIBER}.labels.stage", "describers", "its labels say"),
    Mistake(f"{POD}.topologySpreadConstraints.0.labelSelector.matchLabels", {}, "than its own"),
    Mistake("spec.ingress.0.ports.0.port", 8001, "no pod has", "NetworkPolicy/ingress-to-serve"),
    Mistake("spec.egress.0.ports.0.port", 6380, "no pod has", "NetworkPolicy/to-redis"),
    Mistake(
        "spec.ingress.0.ports.0.port", 8088, "no pod has", "NetworkPolicy/ingress-to-acme-solver"
    ),
    Mistake(
        "spec.podSelector",
        {"matchLabels": {"acme.example/solver": "true"}},
        "selects no pod",
        "NetworkPolicy/ingress-to-acme-solver",
    ),
    Mistake(
        "spec.podSelector.matchExpressions.0.values",
        ["worer"],
        "selects no pod",
        "NetworkPolicy/prometheus-to-ray",
    ),
    Mistake(
        "spec.ingress.0.from.0.podSelector.matchExpressions.0.values",
        ["head", "redis-cleaner"],
        "no pod is ['redis-cleaner']",
        "NetworkPolicy/redis",
    ),
    Mistake("spec.podMetricsEndpoints.0.port", "metric", "has no port", "PodMonitor/ray-head"),
    Mistake(
        "spec.staticConfigs.0.targets", ["gateway:8000"], "asks", "ScrapeConfig/caption-studio"
    ),
    Mistake(
        "spec.authorization.credentials.key",
        "key",
        "('metrics-key', 'key')",
        "ScrapeConfig/caption-studio",
    ),
    Mistake("spec.ports.0.port", 6380, "no pod has port", "Service/redis"),
    Mistake(
        "spec.rules.0.http.paths.0.backend.service.name",
        "caption-studio",
        "Ingress: leads to",
        "Ingress/caption-studio",
    ),
    Mistake(
        "spec.rules.0.http.paths.0.backend.service.port.number",
        80,
        "Ingress: leads to",
        "Ingress/caption-studio",
    ),
    Mistake("spec.storageClassName", GONE, "names no class", "PersistentVolumeClaim/model-cache"),
    Mistake(f"{POD}.serviceAccountName", "worker", "ServiceAccount is not there"),
    Mistake(f"{POD}.volumes.1.persistentVolumeClaim.claimName", "cache", "claims used"),
    Mistake("spec.rayClusterConfig.gcsFaultToleranceOptions.redisAddress", "r:6379", "not at r"),
    Mistake("spec.serviceName", "redis-0", "Service is not there", "StatefulSet/redis"),
    Mistake("spec.rayClusterConfig.authOptions.secretName", "token", "('token', 'auth_token')"),
    Mistake(f"{CONTAINER}.env.3.valueFrom.secretKeyRef.key", "hf", "('hf-token', 'hf')"),
    Mistake(f"{GATEWAY}.template.spec.volumes.1.secret.secretName", "keys", "('keys', 'api-keys')"),
    Mistake(f"{GATEWAY}.template.spec.containers.0.env.0.value", "/keys", "'?'"),
    # Serve
    Mistake("applications.0.import_pth", "x", "unknown: applications.0.import_pth", CONFIG),
    Mistake(f"{SERVE}.0.autoscaling_confg", {}, "unknown", CONFIG),
    Mistake(f"{SERVE}.0.autoscaling_config.max_replica", 3, "unknown", CONFIG),
    Mistake(f"{SERVE}.0.ray_actor_options.num_cpu", 3, "unknown", CONFIG),
    Mistake("http_options.hots", "0.0.0.0", "unknown: http_options.hots", CONFIG),
    Mistake("applications.0.import_path", "x", "serveConfigV2", CONFIG),
    Mistake(f"{SERVE}.0.autoscaling_config.min_replicas", 9, "serveConfigV2", CONFIG),
    Mistake("http_options.port", 8001, "another port", CONFIG),
    Mistake("http_options.host", "127.0.0.1", "own pod only", CONFIG),
    Mistake("proxy_location", "HeadOnly", "no proxy on the workers", CONFIG),
    Mistake("applications.0.import_path", "caption_studio.app:build", "No module", CONFIG),
    Mistake("applications.0.args.language.modle", "x", "modle", CONFIG),
    Mistake(f"{POLICY}.policy_function", "caption_studio.deployments:Joint", "Joint", CONFIG),
    Mistake(f"{POLICY}.policy_kwargs.gateway.target_cpu", 1.0, "target_cpu", CONFIG),
    Mistake(f"{SERVE}.1.name", "Describers", "the config names", CONFIG),
    Mistake(f"{SERVE}.1.autoscaling_config.target_ongoing_requests", 513, "more than", CONFIG),
    Mistake(f"{SERVE}.1.ray_actor_options.label_selector.stage", "describers", "[]", CONFIG),
    Mistake(f"{SERVE}.1.ray_actor_options.label_selector", GONE, "label_selector {}", CONFIG),
    Mistake(f"{SERVE}.1.ray_actor_options.num_gpus", 2, "a pod offers", CONFIG),
    Mistake(f"{SERVE}.1.ray_actor_options.num_cpus", 8, "a pod offers", CONFIG),
    Mistake(f"{SERVE}.1.ray_actor_options.num_gpus", 0, "needs 0 GPUs", CONFIG),
    Mistake(f"{SERVE}.1.autoscaling_config.max_replicas", 3, "group has room", CONFIG),
    Mistake(f"{SERVE}.1.max_surge_percent", 100, "group has room", CONFIG),
    Mistake(f"{SERVE}.2.ray_actor_options.label_selector.stage", "describer", "no depl", CONFIG),
    Mistake("applications.0.args.vision.device", "cpu", "runs on cpu", CONFIG),
    Mistake("applications.0.args.language.mode", "merged", "set no admin keys", CONFIG),
    # Times
    Mistake(f"{CONTAINER}.lifecycle", GONE, "do not tell Ray"),
    Mistake(f"{CONTAINER}.lifecycle.preStop.exec.command", ["sleep", "9"], "do not tell Ray"),
    Mistake(f"{POD}.terminationGracePeriodSeconds", 130, "killed before Ray's deadline"),
    Mistake("applications.0.args.gateway", {"request_timeout_s": 300}, "are too short", CONFIG),
    Mistake("applications.0.args.gateway", {"upload_timeout_s": 60}, "is below 190", CONFIG),
]


def ids(mistakes: list[Mistake]) -> list[str]:
    return [str(mistake) for mistake in mistakes]


@schemas.needs_crds
@pytest.mark.parametrize("mistake", FOUND_BY_KUBERAYS_SCHEMA, ids=ids(FOUND_BY_KUBERAYS_SCHEMA))
def test_kuberays_schema_finds_it(mistake: Mistake) -> None:
    objects = overlay("gpu")
    mistake.make(objects)
    assert mistake.said in "\n".join(schemas.ray_problems(ray_service(objects)))


@pytest.mark.parametrize(
    "mistake", FOUND_BY_KUBERNETES_SCHEMAS, ids=ids(FOUND_BY_KUBERNETES_SCHEMAS)
)
def test_kubernetes_schemas_find_it(mistake: Mistake) -> None:
    objects = overlay("gpu")
    mistake.make(objects)
    assert mistake.said in "\n".join(schemas.problems(objects))


@pytest.mark.parametrize("mistake", FOUND_BY_RULES, ids=ids(FOUND_BY_RULES))
def test_a_rule_finds_it(mistake: Mistake) -> None:
    objects = overlay("gpu")
    mistake.make(objects)
    assert any(mistake.said in problem for rule in RULES for problem in rule(objects))
