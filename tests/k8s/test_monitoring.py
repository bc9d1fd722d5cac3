"""What is scraped, and the alert rules, which name jobs and applications of the manifests."""

import re
import subprocess
from pathlib import Path

import pytest
import ray
import yaml

from tests.k8s.rendered import OVERLAYS, ROOT, of_kind, overlay, serve_config
from tests.operators_files import FOLDER, rules

EXPRESSIONS = "\n".join(rule["expr"] for rule in rules())
RUNBOOK = (ROOT / "docs" / "kubernetes.md").read_text()
OBSERVABILITY = (ROOT / "docs" / "observability.md").read_text()


def test_rays_metrics_are_in_its_source() -> None:
    named = {
        name for text in (RUNBOOK, EXPRESSIONS) for name in re.findall(r"\bray_(serve_\w+)", text)
    }
    assert "serve_application_status" in named
    source = "".join(
        path.read_text() for path in (Path(ray.__file__).parent / "serve" / "_private").glob("*.py")
    )
    assert {name for name in named if f'"{name}"' not in source} == set()


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_rules_name_the_application(name: str) -> None:
    named = set(re.findall(r'application="([^"]+)"', EXPRESSIONS))
    assert named == {
        application["name"] for application in serve_config(overlay(name))["applications"]
    }


def test_the_rules_name_the_scraped_job() -> None:
    (named,) = set(re.findall(r'job="([^"]+)"', EXPRESSIONS))
    (scraped,) = of_kind(overlay("gpu"), "ScrapeConfig")
    (targets,) = scraped["spec"]["staticConfigs"]
    assert targets["labels"] == {"job": named}
    (example,) = re.findall(r"```yaml\n(scrape_configs:.*?)```", OBSERVABILITY, flags=re.DOTALL)
    assert [job["job_name"] for job in yaml.safe_load(example)["scrape_configs"]] == [named]


def test_the_rules_become_an_object_by_the_command() -> None:
    (command,) = re.findall(r"```sh\n(\{ printf.*?)```", OBSERVABILITY, flags=re.DOTALL)
    assert "kubectl apply --namespace caption-studio --filename -" in command
    done = subprocess.run(
        ["bash", "-ec", f"kubectl() {{ cat; }}\n{command}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    made = yaml.safe_load(done.stdout)
    assert (made["kind"], made["apiVersion"]) == ("PrometheusRule", "monitoring.coreos.com/v1")
    assert made["spec"] == yaml.safe_load((FOLDER / "alerts.yaml").read_text())
