"""Serve's contexts through the policy, with Serve's own wrapper around it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError
from ray.serve.autoscaling_policy import _apply_app_level_autoscaling_config
from ray.serve.config import AutoscalingConfig, AutoscalingContext, AutoscalingPolicy
from ray.serve.schema import ServeDeploySchema

from caption_studio.deployments.app import gateway_deployment
from caption_studio.deployments.captioner import captioner_deployment
from caption_studio.deployments.describer import describer_deployment
from caption_studio.deployments.scaling import JointPolicy
from caption_studio.deployments.scaling_reports import Freshness, Told, finished_per_s
from caption_studio.deployments.working import Working
from caption_studio.observability.metrics import Metrics
from caption_studio.observability.work import (
    BYTES_SHARE,
    CPU_S,
    FINISHED,
    FULL,
    IN_FLIGHT,
    LOOP_CPU_S,
    PLACES,
    asked,
    done,
    wait_p95,
)
from caption_studio.scaling.hearing import Hearing
from caption_studio.settings import ScalingSettings

NOBODY_WAITED = {wait_p95("describer"): 0.0, wait_p95("captioner"): 0.0}

CONFIG = Path(__file__).parents[3] / "deploy" / "cluster.yaml"


def context(
    name: str,
    ongoing: float,
    replicas: int,
    state: dict[str, Any],
    now_s: float,
    metrics_interval_s: float = 2.0,
    **raw: Any,
) -> Any:
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
        raw_metrics=raw,
        capacity_adjusted_min_replicas=0,
        capacity_adjusted_max_replicas=40,
        policy_state=state,
        last_scale_up_time=None,
        last_scale_down_time=None,
        current_time=now_s,
        config=AutoscalingConfig(
            min_replicas=0,
            max_replicas=40,
            upscale_delay_s=0,
            downscale_delay_s=0,
            metrics_interval_s=metrics_interval_s,
        ),
    )


@dataclass
class Point:
    """A value as Serve keeps it."""

    timestamp: float
    value: float


def counter(per_s: float, now_s: float, *, replicas: int = 1) -> dict[str, list[Point]]:
    """Return the reports of replicas whose counter rises so fast, all together."""
    each = per_s / replicas
    return {
        str(number): [Point(now_s - ago, 1e3 - each * ago) for ago in (5, 3, 1)]
        for number in range(replicas)
    }


def answers(per_s: float, now_s: float, replicas: int) -> dict[str, Any]:
    """Return what a stage's replicas report."""
    return {
        CPU_S: counter(1.0, now_s, replicas=replicas),
        FINISHED: counter(per_s, now_s, replicas=replicas),
    }


def rounds(
    policy: Any,
    ongoing: dict[str, float],
    replicas: dict[str, int],
    seconds: int,
    *,
    raw: Callable[[float, dict[str, int]], dict[str, Any]] = lambda *_: {},
    each: bool = False,
) -> dict[str, int]:
    """Return the replicas after so many seconds; with `each`, `ongoing` is of each replica."""
    state: dict[str, dict[str, Any]] = {}
    targets = dict(replicas)
    for now_s in range(1000, 1000 + seconds):
        told = raw(float(now_s), targets)
        contexts = {
            name: context(
                name,
                ongoing[name] * (targets[name] if each else 1),
                targets[name],
                state.get(name, {}),
                float(now_s),
                **told.get(name, {}),
            )
            for name in targets
        }
        decided, state = policy(contexts)
        targets |= decided
    return targets


@pytest.fixture
def policy() -> Any:
    path = "caption_studio.deployments.scaling:JointPolicy"
    named = AutoscalingPolicy(policy_function=path).get_policy()  # as Serve's controller has it
    return _apply_app_level_autoscaling_config(named(gateway={"target_cpus": 1.0}))


ONE_EACH = {"Gateway": 1, "Describer": 1, "Captioner": 1}


def test_serve_applies_it_and_keeps_its_memory(policy: Any) -> None:
    ongoing = {"Gateway": 10.0, "Describer": 190.0, "Captioner": 0.0}
    assert rounds(policy, ongoing, ONE_EACH, 4) == ONE_EACH  # not yet: upscale_delay_s
    assert rounds(policy, ongoing, ONE_EACH, 7) == {"Gateway": 1, "Describer": 2, "Captioner": 1}


def test_the_replicas_counters_tell_it_of_cpus_and_flows(policy: Any) -> None:
    """900 pictures/s come, a describer does 300/s and a captioner 100/s, both all busy."""

    def raw(now_s: float, running: dict[str, int]) -> dict[str, Any]:
        described = min(900, 300 * running["Describer"])
        captioned = min(described, 100 * running["Captioner"])
        return {
            "Gateway": {
                name: counter(per_s, now_s, replicas=running["Gateway"])
                for name, per_s in (
                    (CPU_S, 2.7),
                    (asked("intake"), 900),
                    (done("intake"), 900),
                    (asked("describer"), 900),
                    (asked("captioner"), described),
                )
            },
            "Describer": answers(described, now_s, running["Describer"]),
            "Captioner": answers(captioned, now_s, running["Captioner"]),
        }

    busy = {"Gateway": 900.0, "Describer": 96.0, "Captioner": 192.0}
    found = rounds(policy, busy, ONE_EACH, 60, raw=raw, each=True)
    assert found == {"Gateway": 3, "Describer": 3, "Captioner": 9}


def test_calls_that_serve_does_not_see_keep_a_stage_awake_and_make_it_grow(policy: Any) -> None:
    """No request comes or ends, but two gateways have 300 prompts at the captioner."""

    def raw(under_way: float) -> Callable[[float, dict[str, int]], dict[str, Any]]:
        def at(now_s: float, running: dict[str, int]) -> dict[str, Any]:
            points = {"0": under_way / 3, "1": under_way * 2 / 3}
            return {
                "Gateway": {
                    CPU_S: counter(0.2, now_s, replicas=2),
                    asked("captioner"): {
                        key: [Point(now_s - ago, 1000 + value) for ago in (5, 3, 1)]
                        for key, value in points.items()
                    },
                    done("captioner"): {
                        key: [Point(now_s - ago, 1000.0) for ago in (5, 3, 1)] for key in points
                    },
                }
            }

        return at

    nothing = {"Gateway": 0.0, "Describer": 0.0, "Captioner": 0.0}
    two = {"Gateway": 2, "Describer": 1, "Captioner": 1}
    assert rounds(policy, nothing, two, 60, raw=raw(300.0))["Captioner"] == 2
    assert rounds(policy, nothing, two, 1200, raw=raw(1.0))["Captioner"] == 1
    assert rounds(policy, nothing, two, 1200, raw=raw(0.0))["Captioner"] == 0


def test_a_stage_whose_calls_nobody_counts_keeps_its_replicas(policy: Any) -> None:
    """Gateways without reports, or none that scale: replicas that answer may be busy or not."""

    def answering(now_s: float, running: dict[str, int]) -> dict[str, Any]:
        return {"Captioner": answers(20.0, now_s, max(1, running["Captioner"]))}

    nothing = {"Gateway": 0.0, "Captioner": 0.0}
    for replicas in ({"Gateway": 1, "Captioner": 6}, {"Captioner": 6}):
        assert rounds(policy, nothing, replicas, 900, raw=answering)["Captioner"] == 6


def test_what_replicas_have_in_progress_counts_where_no_gateway_tells(policy: Any) -> None:
    def answering(now_s: float, running: dict[str, int]) -> dict[str, Any]:
        at = {str(number): [Point(now_s - 1, 1.0)] for number in range(running["Captioner"])}
        return {"Captioner": {CPU_S: counter(1.0, now_s, replicas=6), IN_FLIGHT: at}}

    assert rounds(policy, {"Captioner": 0.0}, {"Captioner": 6}, 1200, raw=answering) == {
        "Captioner": 1
    }


def test_an_adapter_that_is_loaded_keeps_its_captioner(policy: Any) -> None:
    """That call goes by Serve's handle, and gateways do not count it as a prompt."""

    def none_under_way(now_s: float, running: dict[str, int]) -> dict[str, Any]:
        still = {"0": [Point(now_s - ago, 7.0) for ago in (5, 3, 1)]}
        return {
            "Gateway": {
                CPU_S: counter(0.2, now_s),
                asked("captioner"): still,
                done("captioner"): still,
            }
        }

    loading = {"Gateway": 0.0, "Describer": 0.0, "Captioner": 1.0}
    assert rounds(policy, loading, ONE_EACH, 1200, raw=none_under_way)["Captioner"] == 1


def told(gateways: Any, freshness: Freshness, now_s: float, hearing: Hearing | None = None) -> Told:
    heard = freshness.look([gateways], now_s)["Gateway"]
    return Told.by(gateways, heard, hearing or Hearing().after(gateways.current_num_replicas, 0))


def test_what_gateways_have_in_use_is_told() -> None:
    def at(value: float) -> list[Point]:
        return [Point(1000.0 - ago, value) for ago in (2, 1)]

    raw = {
        CPU_S: counter(1.0, 1000.0, replicas=2),
        LOOP_CPU_S: counter(0.8, 1000.0, replicas=2),
        asked("intake"): {"0": at(30.0), "1": at(10.0)},
        done("intake"): {"0": at(25.0), "1": at(10.0)},
        IN_FLIGHT: {"0": at(512.0), "1": at(100.0)},
        PLACES: {"0": at(512.0), "1": at(512.0)},
        BYTES_SHARE: {"0": at(0.5), "1": at(0.25)},
        FULL: {"0": at(1.0), "1": at(0.0)},
    }
    room = told(context("Gateway", 0.0, 2, {}, 1000.0, **raw), Freshness(), 1000.0).room
    assert room is not None
    assert room.loop_cpus == pytest.approx(0.8)
    assert (room.decoding, room.in_flight, room.places) == (5, 612, 512)
    assert (room.bytes_share, room.full_share) == (0.75, 0.5)


def test_what_callers_waited_is_the_mean_of_the_gateways_where_some_did() -> None:
    raw = {
        CPU_S: counter(1.0, 1000.0, replicas=3),
        wait_p95("captioner"): {"0": [Point(999.0, 0.8)], "1": [Point(999.0, 1.2)]},
        wait_p95("describer"): {"0": [Point(999.0, 0.0)]},
    }
    raw[wait_p95("captioner")] |= {"2": [Point(999.0, 0.0)], "not heard": [Point(999.0, 9.0)]}
    found = told(context("Gateway", 0.0, 3, {}, 1000.0, **raw), Freshness(), 1000.0)
    assert found.wait_p95_s("Captioner") == pytest.approx(1.0)
    assert found.wait_p95_s("Describer") is None
    assert found.wait_p95_s("Gateway") is None


def test_a_target_of_latency_needs_more_replicas_than_the_load_alone() -> None:
    """Ten in progress a replica are allowed, and they take too long."""

    def after(target_p95_s: float | None) -> int:
        stage = {"target_ongoing": 10.0, "lone_share": 0.3, "target_p95_s": target_p95_s}
        policy = JointPolicy(captioner=stage)
        state: dict[str, Any] = {}
        for now_s in range(1000, 1100):
            raw: dict[str, Any] = {CPU_S: counter(0.1, float(now_s))}
            answers = raw | {FINISHED: counter(20.0, float(now_s))}
            waits = {wait_p95("captioner"): {"0": [Point(now_s - 1.0, 1.0)]}}
            comes = {asked("captioner"): counter(20.0, float(now_s))}
            contexts = {
                "Gateway": context("Gateway", 0.0, 1, {}, float(now_s), **raw, **waits, **comes),
                "Captioner": context("Captioner", 8.0, 1, state, float(now_s), **answers),
            }
            replicas, states = policy(contexts)
            state = states["Captioner"]
        return replicas["Captioner"]

    assert after(None) == 1
    assert after(0.8) == 2


def test_a_report_that_changes_no_more_is_lost() -> None:
    """Whatever the clock of its node shows; and one process that restarts is another."""
    freshness = Freshness()
    for now_s in range(1000, 1030):
        silent = counter(10, 1000.0)["0"]
        skewed = counter(10, now_s - 500.0)["0"]
        restarted = [Point(float(now_s), 0.0)]
        reports = {CPU_S: {"a": skewed, "b": silent, "c": restarted}}
        found = told(context("Gateway", 0.0, 4, {}, float(now_s), **reports), freshness, now_s)
        assert found.heard == (0.5 if now_s <= 1010 else 0.25)
        assert found.cpus == pytest.approx(20 if now_s <= 1010 else 10)
    nothing = context("Gateway", 0.0, 2, {}, 1000.0)
    assert told(nothing, Freshness(), 1000.0) == Told()


def test_reports_that_come_seldom_by_serves_settings_are_fresh() -> None:
    """By default every 10 s, of points that are 6 s apart."""
    freshness = Freshness()
    for now_s in range(1000, 1100):
        sent_s = now_s // 10 * 10 - 4.0
        raw = {CPU_S: {"a": [Point(sent_s - ago, -ago) for ago in (18, 12, 6, 0)]}}
        gateways = context("Gateway", 0.0, 1, {}, float(now_s), 10.0, **raw)
        assert told(gateways, freshness, float(now_s)).heard == 1


def test_a_new_gateway_that_has_not_reported_doubles_no_load() -> None:
    hearing = Hearing().after(2, 900.0).after(2, 999.0).after(4, 1000.0)
    raw = {CPU_S: counter(2.0, 1000.0, replicas=2)}
    gateways = context("Gateway", 0.0, 4, {}, 1000.0, **raw)
    assert told(gateways, Freshness(), 1000.0, hearing).heard == 1


def test_replicas_whose_answers_are_unheard_are_assumed_to_answer_as_the_others() -> None:
    raw = {CPU_S: counter(1.0, 1000.0, replicas=2), FINISHED: counter(100.0, 1000.0, replicas=2)}
    stage = context("Captioner", 0.0, 4, {}, 1000.0, **raw)
    assert finished_per_s(stage, {"0", "1"}) == (pytest.approx(200.0), 0.5)
    assert finished_per_s(stage, set()) == (None, 0.0)


def test_a_fault_of_the_policy_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    broken = context("Captioner", 5.0, 3, {"memory": "not ours"}, 1000.0)
    assert JointPolicy()({"key": broken}) == ({"key": 3}, {"key": {}})
    assert "the scaling policy failed" in caplog.text


def test_stages_are_left_alone_while_no_gateway_reports_on_them(policy: Any) -> None:
    ongoing = {"Gateway": 0.0, "Describer": 0.0, "Captioner": 0.0}
    before = {"Gateway": 0, "Describer": 3, "Captioner": 5}
    after = rounds(policy, ongoing, before, 1000)
    assert after["Describer"] == 3
    assert after["Captioner"] == 5


def test_nothing_to_decide_is_nothing_decided() -> None:
    assert JointPolicy()({}) == ({}, {})


def test_the_environment_overlays_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPTION_STUDIO_SCALING__DESCRIBER__TARGET_ONGOING", "10")
    ongoing = {"Gateway": 1.0, "Describer": 40.0, "Captioner": 0.0}
    assert rounds(JointPolicy(), ongoing, ONE_EACH, 7)["Describer"] == 4
    with pytest.raises(ValidationError):
        JointPolicy(misspelt=1)


def test_stages_count_their_answers_and_gateways_their_work() -> None:
    stage = Working()
    with stage._working():
        pass
    with pytest.raises(RuntimeError), stage._working():
        raise RuntimeError
    stats = asyncio.run(stage.record_autoscaling_stats())
    assert (stats[FINISHED], stats[IN_FLIGHT]) == (2, 0)
    metrics = Metrics()
    metrics.work.watch(IN_FLIGHT, lambda: 7)
    with metrics.in_stage("describer"):
        pass
    counters = metrics.work.counters(asked("describer"), done("describer"))
    assert counters.pop(CPU_S) > 0
    assert counters.pop(LOOP_CPU_S) > 0
    assert counters == {asked("describer"): 1, done("describer"): 1, IN_FLIGHT: 7, **NOBODY_WAITED}


@pytest.mark.parametrize("code", ["overloaded", "rate_limit_exceeded", "invalid_value"])
def test_what_is_refused_counts_as_no_caption(code: str) -> None:
    """Uploads and schemas are refused as well, and a caller may repeat a request at will."""
    metrics = Metrics()
    metrics.failed(code)
    counted = metrics.work.counters(*map(asked, ("intake", "describer", "captioner")))
    assert {v for name, v in counted.items() if name not in (CPU_S, LOOP_CPU_S)} == {0}


def test_serve_finds_the_counters_of_each_deployment() -> None:
    for deployment in (gateway_deployment, describer_deployment, captioner_deployment):
        found: Any = deployment.func_or_class
        assert asyncio.iscoroutinefunction(found.record_autoscaling_stats)


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
