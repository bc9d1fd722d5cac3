"""The components that no overlay includes, and the examples of Secrets."""

import shutil
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from tests.k8s import schemas
from tests.k8s.reference_rules import secrets
from tests.k8s.rendered import K8S, Object, groups, of_kind, overlay, ray_service, render
from tests.k8s.rules import RULES
from tests.k8s.schemas import KUBERNETES_VERSIONS

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
