"""Every overlay renders to objects that are right in themselves and fit one another."""

from pathlib import Path

import pytest
import yaml

from tests.k8s import schemas
from tests.k8s.rendered import OVERLAYS, ROOT, Rule, of_kind, overlay, ray_service, serve_config
from tests.k8s.rules import RULES
from tests.k8s.serve_rules import deployments, schema_problems


def test_no_overlay_is_forgotten() -> None:
    assert {path.parent.name for path in ROOT.glob("k8s/overlays/*/*.yaml")} == set(OVERLAYS)


@pytest.mark.parametrize("name", OVERLAYS)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.__name__))
def test_rules_hold(rule: Rule, name: str) -> None:
    assert list(rule(overlay(name))) == []


@pytest.mark.parametrize("name", OVERLAYS)
def test_objects_match_kubernetes_schemas(name: str) -> None:
    assert schemas.problems(overlay(name)) == []


@schemas.needs_crds
@pytest.mark.parametrize("name", OVERLAYS)
def test_the_ray_service_matches_kuberays_schema(name: str) -> None:
    assert schemas.ray_problems(ray_service(overlay(name))) == []


@pytest.mark.parametrize("name", ["demo", "gpu"])
def test_serve_knows_all_that_the_config_files_say(name: str) -> None:
    config = yaml.safe_load((ROOT / "deploy" / f"{name}.yaml").read_text())
    assert list(schema_problems(config)) == []
    assert len(deployments(config["applications"][0])) == 3


@pytest.mark.parametrize(
    ("name", "file"), [("kind-cpu", "demo"), ("gpu", "gpu"), ("multi-gpu", "gpu")]
)
def test_models_and_settings_are_those_of_the_config_files(name: str, file: str) -> None:
    config = yaml.safe_load((ROOT / "deploy" / f"{file}.yaml").read_text())
    for there, here in zip(
        config["applications"], serve_config(overlay(name))["applications"], strict=True
    ):
        assert here["args"] == there["args"]
        assert here["import_path"] == there["import_path"]
    assert serve_config(overlay(name))["logging_config"] == config["logging_config"]


def test_every_overlay_has_its_own_serve_config() -> None:
    for name in OVERLAYS:
        path = Path("k8s", "overlays", name, "serve-config.yaml")
        assert yaml.safe_load((ROOT / path).read_text()) == serve_config(overlay(name))


def test_the_grown_overlays_lack_nothing() -> None:
    for name in ("gpu", "multi-gpu"):
        kinds = {item["kind"] for item in overlay(name)}
        assert {"Ingress", "NetworkPolicy", "PodDisruptionBudget"} <= kinds
        assert {"PodMonitor", "ScrapeConfig"} <= kinds
        assert {"PersistentVolumeClaim", "StatefulSet"} <= kinds
        assert "gcsFaultToleranceOptions" in ray_service(overlay(name))["spec"]["rayClusterConfig"]
    assert len(of_kind(overlay("multi-gpu"), "PodDisruptionBudget")) == 3
