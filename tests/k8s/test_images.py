"""The Dockerfile, what goes into an image, and the compose file."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from caption_studio.deployments.edge import haproxy_environment, middlewares
from tests.k8s.dockerfile import DOCKERFILE, environment, instructions
from tests.k8s.rendered import OVERLAYS, ROOT, containers, overlay, pods

HADOLINT = Path(sys.executable).with_name("hadolint")
COMPOSE = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
SERVICE_KEYS = {
    "init",
    "restart",
    "stop_grace_period",
    "shm_size",
    "cap_drop",
    "security_opt",
    "ports",
    "image",
    "build",
    "profiles",
    "environment",
    "secrets",
    "volumes",
    "deploy",
}


def lint(dockerfile: str) -> str:
    done = subprocess.run(
        [HADOLINT, "--no-color", "-"], input=dockerfile, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def test_hadolint_has_nothing_to_say() -> None:
    assert lint(DOCKERFILE) == ""


@pytest.mark.parametrize(
    ("ours", "theirs", "rule"),
    [
        ("FROM ${BASE} AS runtime", "FROM python:latest AS runtime", "DL3007"),
        ("FROM ${BASE} AS runtime", "FROM python AS runtime", "DL3006"),
        ("WORKDIR /opt/caption-studio", "WORKDIR opt/caption-studio", "DL3000"),
        ("USER 1000:100", "USER root", "DL3002"),
        ("# hadolint ignore=DL3008", "# none", "DL3008"),
        ("--no-install-recommends ", "", "DL3015"),
        ("COPY serve serve", "ADD serve serve", "DL3020"),
        ('CMD ["caption-studio", "serve", "--host", "0.0.0.0"]', "CMD serve", "DL3025"),
    ],
)
def test_hadolint_would_see_it(ours: str, theirs: str, rule: str) -> None:
    assert ours in DOCKERFILE
    assert rule in lint(DOCKERFILE.replace(ours, theirs))


def test_the_base_is_pinned_and_the_python_is_ours() -> None:
    base, *mirrors = instructions("ARG")
    assert set(mirrors) == {"PIP_INDEX_URL", "TORCH_INDEX_URL"}  # they have no default
    assert re.fullmatch(r"BASE=python:3\.11\.\d+-slim-\w+", base)
    assert {line.split()[0] for line in instructions("FROM")} == {
        "${BASE}",
        *re.findall(r" AS (build|runtime|models)$", DOCKERFILE, flags=re.MULTILINE),
    }


def test_each_stage_that_installs_takes_the_mirrors() -> None:
    for stage in re.split(r"(?m)^FROM ", DOCKERFILE)[1:]:
        mirrors = re.findall(r"^ARG (\w+)$", stage, flags=re.MULTILINE)
        installs = "deploy/install.sh .venv" in stage
        assert ("PIP_INDEX_URL" in mirrors) == installs
        assert ("TORCH_INDEX_URL" in mirrors) == ("install.sh .venv cpu" in stage)


def test_images_run_as_the_pods_do_and_have_what_probes_call() -> None:
    assert instructions("USER") == ["1000:100", *["0", "1000:100"] * 2]
    for name, pod in pods(overlay("gpu")).items():
        if name != "redis":
            security = pod["spec"]["securityContext"]
            assert (security["runAsUser"], security["runAsGroup"]) == (1000, 100)
    runtime = DOCKERFILE.partition("AS runtime")[2]
    assert re.search(r"apt-get install .* bash .*\bwget\b", runtime)


def test_the_gateways_image_has_neither_models_nor_a_compiler() -> None:
    stages = {
        re.findall(r" AS (\S+)", stage)[0]: stage
        for stage in re.split(r"(?m)^FROM ", DOCKERFILE)[1:]
    }
    assert "LOCK=deploy/lock/gateway.txt deploy/install.sh .venv\n" in stages["build-gateway"]
    assert stages["gateway"].startswith("runtime AS")
    assert [name for name, stage in stages.items() if " g++" in stage] == ["gpu"]
    assert "HEALTHCHECK" not in stages["runtime"]  # a head serves nothing


def test_images_set_what_serve_needs_on_a_cluster() -> None:
    variables = environment()
    venv = variables["RAY_SERVE_HAPROXY_BINARY_PATH"].removesuffix(
        f"/bin/{haproxy_environment.COMMAND}"
    )
    assert variables["PATH"] == f"{venv}/bin:$PATH"
    assert venv == f"{instructions('WORKDIR')[0]}/.venv"
    assert variables["MALLOC_ARENA_MAX"] == "2"
    assert variables["RAY_SERVE_ENABLE_HA_PROXY"] == "1"
    assert variables["RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH"] == middlewares.IMPORT_PATH
    ours = haproxy_environment.environment(Path("/tmp"), longest_request_s=150)
    for name in ("NBTHREAD", "RETRIES", "RETRY_ON", "TUNE_BUFSIZE"):
        assert variables[f"RAY_SERVE_HAPROXY_{name}"] == ours[f"RAY_SERVE_HAPROXY_{name}"]
    assert variables["RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S"] == "60"
    assert variables["RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP"] == "0"
    assert variables["RAY_SERVE_USE_GRPC_BY_DEFAULT"] == "1"


def test_only_what_is_named_goes_into_an_image() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    admitted = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    assert all(list(ROOT.glob(pattern)) for pattern in admitted)
    copied = {
        part for line in instructions("COPY") if "--from" not in line for part in line.split()[:-1]
    }
    assert copied == {
        "pyproject.toml",
        "LICENSE",
        "deploy/install.sh",
        "deploy/lock",
        "deploy",
        "serve",
    }


def test_images_of_the_overlays_are_built_from_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f'org.opencontainers.image.version="{version}"' in DOCKERFILE
    built = set(re.findall(r"--target (\w+) --tag (\S+) ", DOCKERFILE))
    targets = ("cpu", "gpu", "gateway")
    assert built == {(target, f"caption-studio:{version}-{target}") for target in targets}
    for name in OVERLAYS:
        images = {
            pod: container["image"].rpartition("/")[2]
            for pod, template in pods(overlay(name)).items()
            for container in containers(template)
        }
        with_models, without = ("cpu", "cpu") if name == "kind-cpu" else ("gpu", "gateway")
        for pod in ("head", "worker:gateway"):
            assert images[pod] == f"caption-studio:{version}-{without}"
        for pod in ("worker:describer", "worker:captioner"):
            assert images[pod] == f"caption-studio:{version}-{with_models}"


@pytest.mark.parametrize("name", ["cpu", "gpu"])
def test_compose_services_are_closed_and_pinned(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service.keys() <= SERVICE_KEYS
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    build = service["build"]
    assert service["image"] in {tag for _, tag in re.findall(r"(--tag) (\S+)", DOCKERFILE)}
    assert f" AS {build['target']}\n" in DOCKERFILE
    assert (ROOT / "deploy" / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).read_text() == DOCKERFILE


def test_compose_secrets_and_volumes_are_declared_and_lie_outside_of_images() -> None:
    assert COMPOSE.keys() == {"name", "x-service", "services", "volumes", "secrets"}
    gpu = COMPOSE["services"]["gpu"]
    assert set(gpu["secrets"]) == COMPOSE["secrets"].keys()
    assert {volume.partition(":")[0] for volume in gpu["volumes"]} == COMPOSE["volumes"].keys()
    keys = gpu["environment"]["CAPTION_STUDIO_GATEWAY__API_KEYS_FILE"]
    assert keys == f"/run/secrets/{gpu['secrets'][0]}"
    (default,) = re.findall(r":-(.*)\}", COMPOSE["secrets"]["api-keys"]["file"])
    assert (ROOT / "deploy" / default).resolve() == ROOT / "api-keys"
    assert "/api-keys" in (ROOT / ".gitignore").read_text().splitlines()
