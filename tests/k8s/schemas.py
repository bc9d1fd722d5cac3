"""Manifests against schemas that refuse what they do not know.

The API server drops or takes an unknown field without a word where it has defaults to offer;
here it is an error.
"""

import functools
import os
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.k8s.rendered import ROOT, Object, pods

CRDS_VARIABLE = "CAPTION_STUDIO_CRDS"
CRDS = Path(os.environ.get(CRDS_VARIABLE) or ROOT.parent / "shared" / "crds")
RAY_SERVICES = CRDS / "ray.io_rayservices.yaml"
"""KubeRay's definition, as its repository names it; CONTRIBUTING.md says where to get it."""

needs_crds = pytest.mark.skipif(
    not RAY_SERVICES.is_file(),
    reason=f"{CRDS_VARIABLE} names no folder with {RAY_SERVICES.name} (CONTRIBUTING.md)",
)
KUBERNETES_VERSIONS = ("1.30", "1.37")
"""The oldest and the newest that the manifests are for."""

POD_MONITOR = {
    "apiVersion": "monitoring.coreos.com/v1",
    "kind": "PodMonitor",
    "metadata": {"name": None, "namespace": None},
    "spec": {
        "selector": {"matchLabels": None},
        "podTargetLabels": None,
        "podMetricsEndpoints": [{"port": None}],
    },
}
SCRAPE_CONFIG = {
    "apiVersion": "monitoring.coreos.com/v1alpha1",
    "kind": "ScrapeConfig",
    "metadata": {"name": None, "namespace": None},
    "spec": {
        "staticConfigs": [{"targets": None, "labels": {"job": None}}],
        "kubernetesSDConfigs": [{"role": "Service", "namespaces": {"names": None}}],
        "relabelings": [
            {
                "action": None,
                "sourceLabels": None,
                "regex": None,
                "targetLabel": None,
                "replacement": None,
            }
        ],
        "authorization": {"credentials": {"name": None, "key": None}},
    },
}
AUTHORIZATION_POLICY = {
    "apiVersion": "security.istio.io/v1",
    "kind": "AuthorizationPolicy",
    "metadata": {"name": None, "namespace": None},
    "spec": {
        "targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": None}],
        "action": "DENY",
        "rules": [{"to": [{"operation": {"paths": None}}]}],
    },
}
OPERATORS = {
    "PodMonitor": POD_MONITOR,
    "ScrapeConfig": SCRAPE_CONFIG,
    "AuthorizationPolicy": AUTHORIZATION_POLICY,
}
"""The fields that we use of the Prometheus operator and of Istio, whose CRDs are not here."""


def problems(objects: list[Object]) -> list[str]:
    """Return what the schemas of all but RayService say, and those of its pod templates."""
    found = []
    for item in objects:
        name = f"{item['kind']} {item['metadata']['name']}"
        if shape := OPERATORS.get(item["kind"]):
            found += [f"{name}: {problem}" for problem in _messages(_exactly(shape), item)]
        elif item["kind"] != "RayService":
            found += [f"{name}: {problem}" for problem in _core_problems(item)]
    for name, template in pods(objects).items():
        pod = {"apiVersion": "v1", "kind": "Pod", **template}
        found += [f"pod {name}: {problem}" for problem in _core_problems(pod)]
    return found


def _core_problems(item: Object) -> list[str]:
    found = []
    for version in KUBERNETES_VERSIONS:
        try:
            kubernetes_validate.validate(item, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            found.append(f"{'.'.join(map(str, error.path))}: {error.message} ({version})")
    return found


def _exactly(shape: Any) -> Object:
    if isinstance(shape, dict):
        fields = {name: _exactly(below) for name, below in shape.items()}
        return {"type": "object", "properties": fields, "additionalProperties": False}
    if isinstance(shape, list):
        return {"type": "array", "items": _exactly(shape[0])}
    return {} if shape is None else {"const": shape}


def ray_problems(item: Object) -> list[str]:
    """Return what KubeRay's CRD, hardened, says of a RayService."""
    return _messages(_ray_service_schema(), item)


def _messages(schema: Object, item: Object) -> list[str]:
    errors = jsonschema.Draft7Validator(schema).iter_errors(item)
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in errors]


@functools.cache
def _ray_service_schema() -> Object:
    return hardened(crd(RAY_SERVICES, "v1"))


def crd(path: Path, version: str) -> Object:
    """Return the schema of one version."""
    definition = yaml.load(path.read_text(), yaml.CSafeLoader)
    (schema,) = (
        entry["schema"]["openAPIV3Schema"]
        for entry in definition["spec"]["versions"]
        if entry["name"] == version
    )
    return {**schema, "properties": {**schema["properties"], "metadata": {}}}


def hardened(schema: Any) -> Any:
    """Return a CRD's schema as JSON schema that refuses unknown fields.

    A field with a default may be missing: the API server fills it in.
    """
    if isinstance(schema, list):
        return [hardened(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    result = {
        key: {name: hardened(below) for name, below in value.items()}
        if key == "properties"
        else hardened(value)
        for key, value in schema.items()
    }
    fields = schema.get("properties")
    if fields is not None and not schema.get("x-kubernetes-preserve-unknown-fields"):
        result["additionalProperties"] = False
        required = schema.get("required", [])
        result["required"] = [name for name in required if "default" not in fields.get(name, {})]
    if schema.get("x-kubernetes-int-or-string"):
        result["type"] = ["integer", "string"]
    if schema.get("nullable"):
        result["type"] = [schema["type"], "null"]
    return result
