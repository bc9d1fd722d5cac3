"""The policies that are compared, as functions of what the controller knows.

`ours` is the service's own; `serve` is Ray Serve's default, deployment by deployment; `hpa` follows
the documented rule of Kubernetes' HorizontalPodAutoscaler. Each gets the same targets.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from ray.serve.autoscaling_policy import replica_queue_length_autoscaling_policy
from ray.serve.config import AutoscalingConfig, AutoscalingContext

from benchmarks.autoscaling.reports import CAPTIONER, DESCRIBER, GATEWAY, STAGES, StageView, View
from benchmarks.autoscaling.service import Policy
from caption_studio.scaling import load as scaling
from caption_studio.scaling.policy import Memory, decide
from caption_studio.settings import ScalingSettings, StageScaling
from caption_studio.settings.scaling import GatewayScaling

NAMES = {GATEWAY: scaling.GATEWAY, DESCRIBER: scaling.DESCRIBER, CAPTIONER: scaling.CAPTIONER}
LONE_SHARE = 0.3
"""Not fitted to the curves: the production default of the captioner, for both stages."""

UNLIMITED = 10**6


@dataclass(frozen=True)
class Tuning:
    """What is tuned, for each policy from the same values.

    `target` is the requests in progress that a replica of describer and captioner should have.
    """

    target: float
    downscale_s: float
    upscale_s: float = 5.0
    gateway_ongoing: float = 16.0
    gateway_cpus: float = 1.3


def ours(tuning: Tuning) -> Policy:
    """Return the service's policy, with a memory of its own."""
    pace = {
        "upscale_delay_s": tuning.upscale_s,
        "downscale_delay_s": tuning.downscale_s,
        "to_zero_delay_s": 10 * tuning.downscale_s,
    }
    stage = StageScaling(target_ongoing=tuning.target, lone_share=LONE_SHARE, **pace)
    gateway = GatewayScaling(target_cpus=tuning.gateway_cpus, **pace)
    settings = ScalingSettings(gateway=gateway, describer=stage, captioner=stage)
    memories: dict[str, Memory] = {}

    def policy(view: View) -> dict[str, int]:
        loads = {NAMES[name]: _load(name, stage) for name, stage in view.stages.items()}
        decisions = decide(loads, memories, settings, view.now_s)
        memories.update({name: decision.memory for name, decision in decisions.items()})
        return {name: decisions[NAMES[name]].replicas for name in STAGES}

    def _load(name: str, seen: StageView) -> scaling.Load:
        at_gateway = name == GATEWAY
        return scaling.Load(
            target=seen.target,
            running=seen.running,
            min_replicas=0,
            max_replicas=UNLIMITED,
            ongoing=seen.ongoing,
            asked_per_s=seen.asked_per_s - seen.refused_per_s if at_gateway else seen.wanted_per_s,
            finished_per_s=seen.finished_per_s,
            cpus=seen.cpus if at_gateway else None,
            heard=seen.heard,
        )

    return policy


def serve(tuning: Tuning) -> Policy:
    """Return Serve's default policy for each deployment: Ray's function, then its delays."""
    delays = {name: _Delays(tuning) for name in STAGES}

    def policy(view: View) -> dict[str, int]:
        return {
            name: delays[name].after(
                _serves_wish(stage, _target(name, tuning)), stage.target, view.now_s
            )
            for name, stage in view.stages.items()
        }

    return policy


def _target(name: str, tuning: Tuning) -> float:
    return tuning.gateway_ongoing if name == GATEWAY else tuning.target


def _serves_wish(stage: StageView, target: float) -> int:
    context: Any = AutoscalingContext
    wish, _ = replica_queue_length_autoscaling_policy(
        context(
            deployment_id=None,
            deployment_name="",
            app_name=None,
            current_num_replicas=stage.running,
            target_num_replicas=stage.target,
            running_replicas=[],
            total_num_requests=stage.ongoing,
            total_queued_requests=None,
            aggregated_metrics=None,
            raw_metrics=None,
            capacity_adjusted_min_replicas=0,
            capacity_adjusted_max_replicas=UNLIMITED,
            policy_state={},
            last_scale_up_time=None,
            last_scale_down_time=None,
            current_time=None,
            config=AutoscalingConfig(target_ongoing_requests=target),
        )
    )
    return math.ceil(float(wish))


@dataclass
class _Delays:
    """Serve's documented delays: a wish counts once it has lasted without a break."""

    tuning: Tuning
    direction: int = 0
    since_s: float = 0.0

    def after(self, wish: int, target: int, now_s: float) -> int:
        direction = (wish > target) - (wish < target)
        if direction != self.direction:
            self.direction, self.since_s = direction, now_s
        delay_s = self.tuning.upscale_s if direction > 0 else self.tuning.downscale_s
        if direction == 0 or now_s - self.since_s < delay_s:
            return target
        self.direction = 0
        return wish if direction > 0 else max(1, wish)


SYNC_S = 15.0
TOLERANCE = 0.1
"""As the HorizontalPodAutoscaler's defaults (kubernetes.io, algorithm details, v2 behaviour)."""


def hpa(tuning: Tuning) -> Policy:
    """Return the HorizontalPodAutoscaler's rule: gateways by CPU, stages by requests in progress.

    Every 15 s; at most twice as many replicas or four more at a time; fewer only if the whole
    window asked for fewer. Pods that are not ready count as pods without load.
    """
    scalers = {name: _Hpa(tuning.downscale_s) for name in STAGES}

    def policy(view: View) -> dict[str, int]:
        wanted = {}
        for name, stage in view.stages.items():
            load = stage.cpus if name == GATEWAY else stage.ongoing
            target = tuning.gateway_cpus if name == GATEWAY else tuning.target
            wanted[name] = scalers[name].after(load / target, stage.target, view.now_s)
        return wanted

    return policy


@dataclass
class _Hpa:
    window_s: float
    recommended: deque[tuple[float, int]] = field(default_factory=deque)

    def after(self, need: float, target: int, now_s: float) -> int:
        if now_s % SYNC_S:
            return target
        ratio = need / max(1, target)
        wish = target if abs(ratio - 1) <= TOLERANCE else max(1, math.ceil(need))
        self.recommended.append((now_s, wish))
        while self.recommended[0][0] < now_s - self.window_s:
            self.recommended.popleft()
        if wish >= target:
            return min(wish, max(2 * target, target + 4))
        return min(target, max(wish for _, wish in self.recommended))


POLICIES = {"ours": ours, "serve": serve, "hpa": hpa}
