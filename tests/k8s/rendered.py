"""The overlays as the API server gets them, and what is in them."""

import functools
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]
Rule = Callable[[list[Object]], Iterator[str]]
"""Yields what breaks it."""

ROOT = Path(__file__).parents[2]
K8S = ROOT / "k8s"
OVERLAYS = ("kind-cpu", "gpu", "multi-gpu")
KUBECTL = Path(sys.executable).with_name("kubectl")


def render(folder: Path) -> list[Object]:
    """Return the objects of a kustomization."""
    done = subprocess.run(
        [KUBECTL, "kustomize", folder], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.load_all(done.stdout, yaml.CSafeLoader))


@functools.cache
def _overlay(name: str) -> str:
    return yaml.dump(render(K8S / "overlays" / name), Dumper=yaml.CSafeDumper)


def overlay(name: str) -> list[Object]:
    """Return the objects of an overlay, the caller's own to change."""
    objects: list[Object] = yaml.load(_overlay(name), yaml.CSafeLoader)
    return objects


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    return [item for item in objects if item["kind"] in kinds]


def ray_service(objects: list[Object]) -> Object:
    (found,) = of_kind(objects, "RayService")
    return found


def cluster(objects: list[Object]) -> Object:
    config: Object = ray_service(objects)["spec"]["rayClusterConfig"]
    return config


def groups(objects: list[Object]) -> list[Object]:
    """Return the worker groups."""
    found: list[Object] = cluster(objects)["workerGroupSpecs"]
    return found


def serve_config(objects: list[Object]) -> Object:
    config: Object = yaml.safe_load(ray_service(objects)["spec"]["serveConfigV2"])
    return config


def pods(objects: list[Object]) -> dict[str, Object]:
    """Return the pod templates by a name for each, with the labels that KubeRay adds."""
    found: dict[str, Object] = {}
    for kind, template in _ray_templates(objects):
        metadata = template.get("metadata", {})
        labels = {"ray.io/node-type": kind.partition(":")[0], **metadata.get("labels", {})}
        found[kind] = {**template, "metadata": {**metadata, "labels": labels}}
    for item in of_kind(objects, "StatefulSet", "Job"):
        found[item["metadata"]["name"]] = item["spec"]["template"]
    return found


def _ray_templates(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    yield "head", cluster(objects)["headGroupSpec"]["template"]
    for group in groups(objects):
        yield f"worker:{group['groupName']}", group["template"]


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Return whether a label selector selects `labels`; the empty one selects all."""
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    for term in selector.get("matchExpressions", ()):
        present = labels.get(term["key"])
        if term["operator"] == "In" and present not in term["values"]:
            return False
        if term["operator"] == "Exists" and present is None:
            return False
        assert term["operator"] in ("In", "Exists"), "teach this function the operator"
    return True


def selected(objects: list[Object], selector: Mapping[str, Any]) -> dict[str, Object]:
    return {
        name: pod
        for name, pod in pods(objects).items()
        if matches(selector, pod["metadata"].get("labels", {}))
    }


def containers(pod: Object) -> list[Object]:
    spec = pod["spec"]
    return [*spec["containers"], *spec.get("initContainers", [])]


def ports(pod: Object) -> dict[str, int]:
    """Return a pod's ports by name."""
    return {
        port["name"]: port["containerPort"]
        for container in containers(pod)
        for port in container.get("ports", [])
    }
