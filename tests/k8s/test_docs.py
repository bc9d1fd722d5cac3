"""The runbooks' commands name what exists, by its name here."""

import copy
import functools
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config
from ray.scripts.scripts import cli as ray_cli
from ray.serve.scripts import cli as serve_cli

from caption_studio.deployments.edge import haproxy_environment, middlewares
from tests.k8s.dockerfile import environment
from tests.k8s.reference_rules import secrets
from tests.k8s.rendered import (
    KUBECTL,
    OVERLAYS,
    ROOT,
    containers,
    of_kind,
    overlay,
    pods,
    ports,
    ray_service,
)

CLIS: dict[str, click.Group] = {"ray": ray_cli, "serve": serve_cli}
PAGES = ("kubernetes.md", "cluster.md")


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def commands(name: str) -> list[list[str]]:
    """Return the words of each command in a page's shell blocks."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", page(name), flags=re.DOTALL | re.MULTILINE)
    assert blocks
    text = "\n".join(blocks).replace("\\\n", " ")
    return [shlex.split(line, comments=True) for line in text.splitlines() if line.strip()]


def names(kind: str) -> set[str]:
    """Return the names of the objects of a kind in all overlays."""
    return {o["metadata"]["name"] for name in OVERLAYS for o in of_kind(overlay(name), kind)}


def kubectl_commands() -> list[list[str]]:
    found = []
    for words in commands("kubernetes.md"):
        line = " ".join(words)
        found += [
            part.split() for part in re.findall(r"(?<!\S)(?:[A-Z_]+=\$\()?(kubectl [^|;)]+)", line)
        ]
    return found


@functools.cache
def help_of(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.mark.parametrize("name", PAGES)
def test_files_that_commands_name_exist(name: str) -> None:
    text = page(name)
    named = re.findall(r"(?<![\w/.-])(?:\.\./)?((?:k8s|deploy|tests)/[\w./-]*\w)", text)
    assert named
    for path in named:
        assert (ROOT / path).exists(), path


def test_overlays_and_components_that_are_added_by_hand_are_described() -> None:
    for name in OVERLAYS:
        assert f"`k8s/overlays/{name}`" in page("kubernetes.md")
    included = {
        Path(component).name
        for path in (ROOT / "k8s" / "overlays").glob("*/kustomization.yaml")
        for component in yaml.safe_load(path.read_text())["components"]
    }
    for path in (ROOT / "k8s" / "components").iterdir():
        assert path.name in included or f"components/{path.name}`" in page("kubernetes.md")


def test_kubectl_knows_the_verbs_and_flags() -> None:
    everywhere = help_of(str(KUBECTL), "options")
    for words in kubectl_commands():
        known = everywhere + help_of(str(KUBECTL), *_command(words), "--help")
        for word in words[2:]:
            if word == "--":
                break
            if flag := re.match(r"(--[a-z-]+|-[a-z])(=|$)", word):
                assert re.search(rf"(\s|,){flag[1]}[=,\s:]", known), (words, flag[1])


def _command(words: list[str]) -> list[str]:
    return words[1:4] if words[1] == "create" else words[1:2]


def test_namespaced_commands_name_the_namespace() -> None:
    (namespace,) = names("Namespace")
    for words in kubectl_commands():
        if words[1] in ("get", "describe", "logs", "exec", "create", "wait", "port-forward"):
            assert words[words.index("--namespace") + 1] == namespace, words


def test_objects_that_commands_name_are_there() -> None:
    text = " ".join(" ".join(words) for words in kubectl_commands())
    assert set(re.findall(r"rayservice (\S+)", text)) == names("RayService")
    assert set(re.findall(r"service/(\S+)", text)) == {
        f"{name}-serve-svc" for name in names("RayService")
    }
    assert set(re.findall(r"service/\S+ \d+:(\d+)", text)) == {
        str(ports(pods(overlay("gpu"))["head"])["serve"])
    }
    groups = {name.partition(":")[2] for name in pods(overlay("gpu"))}
    assert set(re.findall(r"ray\.io/group=(\w+)", text)) <= groups
    ray_containers = {c["name"] for p in pods(overlay("gpu")).values() for c in containers(p)}
    assert set(re.findall(r"--container (\S+)", text)) <= {*ray_containers, "autoscaler"}


@pytest.mark.parametrize("name", ["gpu", "multi-gpu"])
def test_a_running_cluster_takes_the_sizes_by_the_command(name: str, tmp_path: Path) -> None:
    (edit,) = (words for words in commands("kubernetes.md") if words[0] == "sed")
    program, file = edit[1:3]
    spec = ray_service(overlay(name))["spec"]["rayClusterConfig"]
    small = copy.deepcopy(spec)
    for group in small["workerGroupSpecs"]:
        group["maxReplicas"] = 1
    cluster = {"apiVersion": "ray.io/v1", "kind": "RayCluster", "metadata": {"name": "c"}}
    (tmp_path / "cluster.yaml").write_text(yaml.safe_dump({**cluster, "spec": small}))
    sizes = subprocess.run(
        ["sed", program, file.replace("overlays/gpu", f"overlays/{name}")],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    local = ["--filename", tmp_path / "cluster.yaml", "--local", "--output", "json"]
    patched = subprocess.run(
        [KUBECTL, "patch", *local, "--type", "json", "--patch-file", "/dev/stdin"],
        input=sizes,
        capture_output=True,
        check=True,
    ).stdout
    assert json.loads(patched)["spec"]["workerGroupSpecs"] == spec["workerGroupSpecs"]


def test_secrets_are_made_as_the_pods_read_them() -> None:
    made = {tuple(words[1:3]) for words in commands("kubernetes.md") if words[0] == "secret"}
    assert made == secrets(overlay("gpu")) - {("hf-token", "token")}  # only for gated models
    read = re.findall(r"get secret (\S+) .*?\.data \"([\w-]+)\"", page("kubernetes.md"))
    assert set(read) <= made


def test_ray_and_serve_know_the_flags() -> None:
    text = "\n".join(page(name) for name in PAGES)
    lines = re.findall(r"(?:^|[ `])((?:ray|serve) [a-z][^`'\n#;]*)", text, flags=re.MULTILINE)
    seen = 0
    for line in lines:
        tool, verb, *rest = line.split()
        for flag in (word for word in rest if word.startswith("-")):
            seen += 1
            known = {name for option in CLIS[tool].commands[verb].params for name in option.opts}
            assert flag in known, line
    assert seen


OURS = ("RAY_", "MALLOC_")


def test_a_cluster_by_hand_has_the_images_environment() -> None:
    script = (ROOT / "deploy" / "cluster-env.sh").read_text()
    done = subprocess.run(
        ["bash", "-ec", f"{script}\nenv"],
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    variables = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    binary = variables.pop("RAY_SERVE_HAPROXY_BINARY_PATH")
    assert binary == str(Path(sys.executable).with_name(haproxy_environment.COMMAND))
    assert variables.pop("RAY_AUTH_MODE") == "token"  # KubeRay sets it on Kubernetes
    ours = {name: value for name, value in variables.items() if name.startswith(OURS)}
    assert ours["RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH"] == middlewares.IMPORT_PATH
    images = {name: value for name, value in environment().items() if name.startswith(OURS)}
    images.pop("RAY_SERVE_HAPROXY_BINARY_PATH")
    assert ours == images


def test_ray_up_takes_its_file() -> None:
    config = yaml.safe_load((ROOT / "deploy" / "ray-up.yaml").read_text())
    validate_config(prepare_config(config))
    starts = [*config["head_start_ray_commands"], *config["worker_start_ray_commands"]]
    assert all(". ~/caption-studio/deploy/cluster-env.sh" in c for c in starts if "ray start" in c)
    assert "~/caption-studio" in config["file_mounts"]
    assert len(config["provider"]["worker_ips"]) == config["max_workers"] == config["min_workers"]
