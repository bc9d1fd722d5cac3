"""Serve's contexts through the policy, with Serve's own wrapper around it."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError
from ray.serve.autoscaling_policy import _apply_app_level_autoscaling_config
from ray.serve.config import AutoscalingConfig, AutoscalingContext, AutoscalingPolicy
from ray.serve.schema import ServeDeploySchema

from caption_studio.deployments.scaling import JointPolicy
from caption_studio.settings import ScalingSettings

CONFIG = Path(__file__).parents[3] / "deploy" / "cluster.yaml"


def context(name: str, ongoing: float, replicas: int, state: dict[str, Any], now_s: float) -> Any:
    return AutoscalingContext(
        deployment_id=name,
        deployment_name=name,
        app_name="studio",
        current_num_replicas=replicas,
        target_num_replicas=replicas,
        running_replicas=[],
        total_num_requests=ongoing,
        total_queued_requests=0.0,
        aggregated_metrics={},
        raw_metrics={},
        capacity_adjusted_min_replicas=0,
        capacity_adjusted_max_replicas=40,
        policy_state=state,
        last_scale_up_time=None,
        last_scale_down_time=None,
        current_time=now_s,
        config=AutoscalingConfig(
            min_replicas=0, max_replicas=40, upscale_delay_s=0, downscale_delay_s=0
        ),
    )


def rounds(
    policy: Any, ongoing: dict[str, float], replicas: dict[str, int], seconds: int
) -> dict[str, int]:
    state: dict[str, dict[str, Any]] = {}
    targets = dict(replicas)
    for now_s in range(1000, 1000 + seconds):
        contexts = {
            name: context(name, ongoing[name], targets[name], state.get(name, {}), float(now_s))
            for name in targets
        }
        decided, state = policy(contexts)
        targets |= decided
    return targets


@pytest.fixture
def policy() -> Any:
    path = "caption_studio.deployments.scaling:JointPolicy"
    named = AutoscalingPolicy(policy_function=path).get_policy()  # as Serve's controller has it
    return _apply_app_level_autoscaling_config(named(captioners_per_describer=4.0))


def test_serve_applies_it_jointly_and_keeps_its_wishes(policy: Any) -> None:
    ongoing = {"Gateway": 10.0, "Describer": 190.0, "Captioner": 0.0}
    one_each = {"Gateway": 1, "Describer": 1, "Captioner": 1}
    assert rounds(policy, ongoing, one_each, 4) == one_each  # not yet: upscale_delay_s
    assert rounds(policy, ongoing, one_each, 7) == {"Gateway": 1, "Describer": 2, "Captioner": 4}
    assert rounds(policy, ongoing, one_each, 15) == {"Gateway": 1, "Describer": 2, "Captioner": 8}


def test_stages_are_left_alone_while_no_gateway_reports_on_them(policy: Any) -> None:
    ongoing = {"Gateway": 0.0, "Describer": 0.0, "Captioner": 0.0}
    before = {"Gateway": 0, "Describer": 3, "Captioner": 5}
    assert rounds(policy, ongoing, before, 2000) == before


def test_a_backlog_counts_by_the_replicas_that_run_and_not_by_those_that_start() -> None:
    policy = JointPolicy(captioner={"target_ongoing": 10, "upscale_delay_s": 0})
    starting = context("Captioner", 1e6, 8, {}, 1000.0)
    starting.current_num_replicas = 2
    assert policy({"Captioner": starting})[0] == {"Captioner": 8}
    running = context("Captioner", 1e6, 8, {}, 1000.0)
    assert policy({"Captioner": running})[0] == {"Captioner": 32}


def test_nothing_to_decide_is_nothing_decided() -> None:
    assert JointPolicy()({}) == ({}, {})


def test_the_environment_overlays_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPTION_STUDIO_SCALING__CAPTIONERS_PER_DESCRIBER", "2")
    replicas = {"Gateway": 1, "Describer": 1, "Captioner": 1}
    ongoing = {"Gateway": 1.0, "Describer": 96.0, "Captioner": 0.0}
    assert rounds(JointPolicy(), ongoing, replicas, 7)["Captioner"] == 2
    with pytest.raises(ValidationError):
        JointPolicy(misspelt=1)


def test_the_cluster_config_is_serves_and_leaves_the_delays_to_the_policy() -> None:
    config = ServeDeploySchema.model_validate(yaml.safe_load(CONFIG.read_text()))
    (application,) = config.applications
    policy = application.autoscaling_policy or {}
    assert policy["policy_function"] == "caption_studio.deployments.scaling:JointPolicy"
    ScalingSettings(**policy["policy_kwargs"])
    assert {deployment.name for deployment in application.deployments} == {
        "Gateway",
        "Describer",
        "Captioner",
    }
    for deployment in application.deployments:
        scaling: Any = deployment.autoscaling_config
        assert scaling["upscale_delay_s"] == scaling["downscale_delay_s"] == 0
