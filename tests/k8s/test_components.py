"""The components that no overlay includes, and the examples of Secrets."""

import re
import shutil
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from caption_studio.language.checkpoint import FILE_BYTES
from tests.k8s import schemas
from tests.k8s.reference_rules import secrets
from tests.k8s.rendered import (
    K8S,
    Object,
    groups,
    of_kind,
    overlay,
    pods,
    ray_service,
    render,
    selected,
    serve_config,
)
from tests.k8s.rules import RULES
from tests.k8s.schemas import KUBERNETES_VERSIONS
from tests.k8s.settings_rules import settings_in

PROCESS_BYTES = 4 * 1024**3
"""For torch, vLLM and Ray in a captioner's pod, and Falcon's largest tensors in float32."""

EXAMPLES = sorted((K8S / "secrets").iterdir())


def gpu_overlay(folder: Path, *, without: str | None = None, with_: str) -> list[Object]:
    """Return the overlay gpu with one component more, and perhaps another less."""
    shutil.copytree(K8S, folder, dirs_exist_ok=True)
    path = folder / "overlays" / "gpu" / "kustomization.yaml"
    overlay_of_ours = yaml.safe_load(path.read_text())
    components = overlay_of_ours["components"]
    if without is not None:
        components.remove(f"../../components/{without}")
    components.append(f"../../components/{with_}")
    path.write_text(yaml.safe_dump(overlay_of_ours))
    return render(path.parent)


@pytest.fixture(scope="module")
def stepwise(tmp_path_factory: pytest.TempPathFactory) -> list[Object]:
    folder = tmp_path_factory.mktemp("k8s")
    return gpu_overlay(folder, without="ingress", with_="incremental-upgrade")


def test_an_upgrade_in_steps_takes_the_ingress_place(stepwise: list[Object]) -> None:
    assert [problem for rule in RULES for problem in rule(stepwise)] == []
    assert schemas.problems(stepwise) == []
    assert not of_kind(stepwise, "Ingress")


def test_the_proxies_of_an_upgrade_in_steps_are_let_in_and_out(stepwise: list[Object]) -> None:
    """They are pods of this namespace, for which the default is to deny."""
    (policy,) = (
        item
        for item in of_kind(stepwise, "NetworkPolicy")
        if item["metadata"]["name"] == "gateway-proxies"
    )
    spec = policy["spec"]
    gateway = f"{ray_service(stepwise)['metadata']['name']}-gateway"
    label = {"gateway.networking.k8s.io/gateway-name": gateway}
    assert spec["podSelector"] == {"matchLabels": label}
    assert [port["port"] for rule in spec["ingress"] for port in rule["ports"]] == [80]
    serve, control_plane = spec["egress"]
    reached = selected(stepwise, serve["to"][0]["podSelector"])
    assert set(reached) == {f"worker:{group['groupName']}" for group in groups(stepwise)}
    assert "namespaceSelector" in control_plane["to"][0]


def test_each_cluster_of_an_upgrade_in_steps_is_scraped_once(stepwise: list[Object]) -> None:
    (scraped,) = of_kind(stepwise, "ScrapeConfig")
    spec = scraped["spec"]
    assert "staticConfigs" not in spec
    assert spec["kubernetesSDConfigs"][0]["namespaces"]["names"] == ["caption-studio"]
    keep, job = spec["relabelings"]
    assert job == {"targetLabel": "job", "replacement": "caption-studio"}
    for address, kept in (
        ("caption-studio-abcde-serve-svc.caption-studio.svc:8000", True),  # KubeRay's, by cluster
        ("caption-studio-abcde-head-svc.caption-studio.svc:8000", False),
        ("caption-studio-abcde-serve-svc.caption-studio.svc:80", False),
        ("redis.caption-studio.svc:6379", False),
    ):
        assert bool(re.fullmatch(keep["regex"], address)) is kept, address


@schemas.needs_crds
def test_an_upgrade_in_steps_matches_kuberays_schema(stepwise: list[Object]) -> None:
    assert schemas.ray_problems(ray_service(stepwise)) == []


def test_models_are_brought_beforehand(tmp_path: Path) -> None:
    objects = gpu_overlay(tmp_path, with_="model-prefetch")
    assert [problem for rule in RULES for problem in rule(objects)] == []
    assert schemas.problems(objects) == []
    (job,) = of_kind(objects, "Job")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    (worker,) = groups(objects)[2]["template"]["spec"]["containers"]
    values = {variable["name"]: variable.get("value") for variable in container["env"]}
    theirs = {variable["name"]: variable.get("value") for variable in worker["env"]}
    assert values["SERVE_CONFIG"] == ray_service(objects)["spec"]["serveConfigV2"]
    assert values["HF_HOME"] == theirs["HF_HOME"]
    assert (container["image"], container["volumeMounts"][0]["mountPath"]) == (
        worker["image"],
        "/models",
    )


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> list[Object]:
    return gpu_overlay(tmp_path_factory.mktemp("k8s"), with_="merged")


def test_one_adapter_is_merged(merged: list[Object]) -> None:
    assert [problem for rule in RULES for problem in rule(merged)] == []
    assert schemas.problems(merged) == []
    (application,) = serve_config(merged)["applications"]
    for pod in (pod for name, pod in pods(merged).items() if name != "redis"):
        settings = settings_in(pod, application)
        assert settings.language.mode == "merged"
        assert settings.gateway.has_keys
    assert secrets(merged) == secrets(overlay("gpu")) - {("gateway-admin-keys", "admin-keys")}


def test_merged_weights_have_a_place(merged: list[Object]) -> None:
    """14 GB beside 14 GB that are read. Memory: language/checkpoint.py says what it holds."""
    (captioner,) = (group for group in groups(merged) if group["groupName"] == "captioner")
    spec = captioner["template"]["spec"]
    (container,) = spec["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    assert mounts["scratch"] == "/tmp"
    assert volumes["scratch"]["emptyDir"] == {"sizeLimit": "30Gi"}
    gib = int(container["resources"]["limits"]["memory"].removesuffix("Gi"))
    assert gib * 1024**3 >= 2 * FILE_BYTES + PROCESS_BYTES


@schemas.needs_crds
def test_a_merging_cluster_matches_kuberays_schema(merged: list[Object]) -> None:
    assert schemas.ray_problems(ray_service(merged)) == []


@pytest.mark.parametrize(
    ("component", "port", "groups_let_out"),
    [
        ("egress-collector", 4318, {"gateway", "describer", "captioner"}),
        ("egress-private", 443, {"gateway", "describer", "captioner"}),
    ],
)
def test_traffic_to_inner_addresses_is_let_out(
    component: str, port: int, groups_let_out: set[str], tmp_path: Path
) -> None:
    objects = gpu_overlay(tmp_path, with_=component)
    assert [problem for rule in RULES for problem in rule(objects)] == []
    assert schemas.problems(objects) == []
    known = {policy["metadata"]["name"] for policy in of_kind(overlay("gpu"), "NetworkPolicy")}
    (policy,) = (
        policy
        for policy in of_kind(objects, "NetworkPolicy")
        if policy["metadata"]["name"] not in known
    )
    chosen = selected(objects, policy["spec"]["podSelector"])
    assert {name.removeprefix("worker:") for name in chosen} == groups_let_out
    assert [one["port"] for rule in policy["spec"]["egress"] for one in rule["ports"]] == [port]


def test_models_and_compiled_kernels_are_kept_on_the_claim() -> None:
    for name, pod in pods(overlay("gpu")).items():
        container = pod["spec"]["containers"][0]
        if "nvidia.com/gpu" not in container["resources"]["limits"]:
            continue
        values = {variable["name"]: variable.get("value", "") for variable in container["env"]}
        (mount,) = (m for m in container["volumeMounts"] if m["name"] == "model-cache")
        caches = {"HF_HOME", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"}
        caches |= {"VLLM_CACHE_ROOT"} if name == "worker:captioner" else set()
        for cache in caches:
            assert values[cache].startswith(f"{mount['mountPath']}/"), (name, cache)


def test_examples_are_those_that_the_overlays_need() -> None:
    named = {path.name.removesuffix(".yaml.example") for path in EXAMPLES}
    assert named == {name for name, _ in secrets(overlay("gpu"))}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.name))
def test_an_example_is_refused_until_it_is_filled_in(path: Path) -> None:
    example = yaml.safe_load(path.read_text())
    for version in KUBERNETES_VERSIONS:
        with pytest.raises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(example, version, strict=True)
    example["stringData"] = dict.fromkeys(example["stringData"], "filled in")
    for version in KUBERNETES_VERSIONS:
        kubernetes_validate.validate(example, version, strict=True)


def test_kubectl_takes_no_example_from_the_folder() -> None:
    assert {path.suffix for path in EXAMPLES} == {".example"}
