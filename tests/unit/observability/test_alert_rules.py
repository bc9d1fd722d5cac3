"""The alert rules in the situations of alerts_test.yaml, by Prometheus' own tool."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from caption_studio.observability.metrics import STAGE_BUCKETS_S, STREAM_BUCKETS_S
from tests.operators_files import FOLDER, rules

PROMTOOL = shutil.which("promtool")
TESTS = FOLDER / "alerts_test.yaml"
BUCKETS = {
    "caption_studio_request_duration_seconds_bucket": STAGE_BUCKETS_S,
    "caption_studio_time_to_first_token_seconds_bucket": STREAM_BUCKETS_S,
}

needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not on the PATH (Debian's package prometheus has it)"
)


def promtool(*words: str | Path) -> subprocess.CompletedProcess[str]:
    assert PROMTOOL is not None
    return subprocess.run(
        [PROMTOOL, *words], capture_output=True, text=True, timeout=60, check=False
    )


def situations() -> list[dict[str, Any]]:
    return list(yaml.safe_load(TESTS.read_text())["tests"])


@needs_promtool
def test_prometheus_takes_the_rules() -> None:
    done = promtool("check", "rules", FOLDER / "alerts.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_the_alerts_of_each_situation_fire_and_no_others() -> None:
    done = promtool("test", "rules", TESTS)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
@pytest.mark.parametrize("expression", ["vector(1) > 2", "vector(1)"], ids=["never", "always"])
def test_rules_that_fire_never_or_always_are_found(expression: str, tmp_path: Path) -> None:
    groups = yaml.safe_load((FOLDER / "alerts.yaml").read_text())
    changed = [rule for group in groups["groups"] for rule in group["rules"]]
    for rule in changed:
        rule["expr"] = expression
    (tmp_path / "alerts.yaml").write_text(yaml.safe_dump(groups))
    shutil.copy(TESTS, tmp_path)
    done = promtool("test", "rules", tmp_path / TESTS.name)
    found = set(re.findall(r'alertname="(\w+)"', done.stdout + done.stderr))
    assert found == {rule["alert"] for rule in changed}


def test_every_alert_fires_in_a_situation() -> None:
    fired = {
        alert
        for situation in situations()
        for look in situation["promql_expr_test"]
        for sample in look["exp_samples"]
        for alert in re.findall(r'alertname="(\w+)"', sample["labels"])
    }
    assert fired == {rule["alert"] for rule in rules()}


def test_each_service_is_judged_by_itself() -> None:
    """An aggregation without `without` would join all services that are scraped."""
    for rule in rules():
        aggregations = re.findall(r"\b(?:sum|max|min|avg|count)\b\s*(\w*)", rule["expr"])
        assert set(aggregations) <= {"without"}, rule["alert"]
        assert " on " not in rule["expr"], rule["alert"]


def test_quantiles_are_compared_to_bounds_of_buckets() -> None:
    compared = 0
    for rule in rules():
        if "histogram_quantile" in rule["expr"]:
            (metric,) = re.findall(r"\w+_bucket", rule["expr"])
            (limit,) = re.findall(r"> ([\d.]+)$", rule["expr"])
            assert float(limit) in BUCKETS[metric], rule["alert"]
            assert f"{limit} s" in rule["annotations"]["summary"]
            compared += 1
    assert compared == 2
