"""The policies that are compared, as functions of what the controller knows.

`ours` is the service's own; `serve` is Ray Serve's default, deployment by deployment; `hpa` follows
the documented rule of Kubernetes' HorizontalPodAutoscaler. Each has the same things to tune.
"""

import math
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any

from ray.serve.autoscaling_policy import replica_queue_length_autoscaling_policy
from ray.serve.config import AutoscalingConfig, AutoscalingContext

from benchmarks.autoscaling.reports import (
    CAPTIONER,
    DESCRIBER,
    GATEWAY,
    STAGES,
    RoomView,
    StageView,
    View,
)
from benchmarks.autoscaling.service import Policy
from caption_studio.scaling import load as scaling
from caption_studio.scaling.hearing import Hearing
from caption_studio.scaling.policy import Memory, decide
from caption_studio.settings import ScalingSettings, StageScaling
from caption_studio.settings.scaling import GatewayScaling

NAMES = {GATEWAY: scaling.GATEWAY, DESCRIBER: scaling.DESCRIBER, CAPTIONER: scaling.CAPTIONER}
LONE_SHARE = 0.3
"""Not fitted to the curves: the production default of the captioner, for both stages."""

UNLIMITED = 10**6


@dataclass(frozen=True)
class Tuning:
    """What is tuned, for each policy.

    `describer` and `captioner` are the requests in progress that a replica of each should have,
    `gateway` the same for Serve's default, and the CPUs in use for the other policies.
    """

    describer: float
    captioner: float
    gateway: float
    downscale_s: float
    upscale_s: float = 5.0
    captioner_p95_s: float | None = None
    """Ours only: the time that 95 % of the captioner's calls should keep."""

    def target(self, name: str) -> float:
        """Return a deployment's target."""
        return {GATEWAY: self.gateway, DESCRIBER: self.describer, CAPTIONER: self.captioner}[name]


def ours(tuning: Tuning) -> Policy:
    """Return the service's policy, with a memory of its own."""
    pace = {
        "upscale_delay_s": tuning.upscale_s,
        "downscale_delay_s": tuning.downscale_s,
        "to_zero_delay_s": 10 * tuning.downscale_s,
    }
    settings = ScalingSettings(
        gateway=GatewayScaling(target_cpus=tuning.gateway, **pace),
        describer=StageScaling(target_ongoing=tuning.describer, lone_share=LONE_SHARE, **pace),
        captioner=StageScaling(
            target_ongoing=tuning.captioner,
            lone_share=LONE_SHARE,
            target_p95_s=tuning.captioner_p95_s,
            **pace,
        ),
    )
    memories: dict[str, Memory] = {}
    hearing = Hearing()

    def policy(view: View) -> dict[str, int]:
        nonlocal hearing
        gateways = view.stages[GATEWAY]
        hearing = hearing.after(gateways.running, view.now_s)
        heard = hearing.share(round(gateways.heard * gateways.running))
        loads = {
            NAMES[name]: replace(_load(name, stage, view.room), heard=heard)
            for name, stage in view.stages.items()
        }
        decisions = decide(loads, memories, settings, view.now_s)
        memories.update({name: decision.memory for name, decision in decisions.items()})
        return {name: decisions[NAMES[name]].replicas for name in STAGES}

    return policy


def _load(name: str, seen: StageView, room: RoomView) -> scaling.Load:
    at_gateway = name == GATEWAY
    answers_heard = 1.0 if at_gateway else seen.answers_heard
    return scaling.Load(
        target=seen.target,
        running=seen.running,
        min_replicas=0,
        max_replicas=UNLIMITED,
        ongoing=seen.ongoing,
        asked_per_s=seen.asked_per_s - seen.refused_per_s if at_gateway else seen.asked_per_s,
        finished_per_s=seen.finished_per_s / answers_heard if answers_heard else None,
        cpus=seen.cpus if at_gateway else None,
        room=scaling.Room(
            decoding=room.pending,
            in_flight=room.in_flight,
            places=room.places,
            full_share=room.full_share,
        )
        if at_gateway
        else None,
        answers_heard=answers_heard,
        wait_p95_s=seen.wait_p95_s or None,
    )


def serve(tuning: Tuning) -> Policy:
    """Return Serve's default policy for each deployment: Ray's function, then its delays."""
    delays = {name: _Delays(tuning) for name in STAGES}

    def policy(view: View) -> dict[str, int]:
        return {
            name: delays[name].after(
                _serves_wish(stage, tuning.target(name)), stage.target, view.now_s
            )
            for name, stage in view.stages.items()
        }

    return policy


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
    window asked for fewer. It does nothing while there are no metrics. Pods without metrics count
    as if they were at the target where there would be fewer, and as idle where there would be more.
    """
    scalers = {name: _Hpa(tuning.downscale_s) for name in STAGES}

    def policy(view: View) -> dict[str, int]:
        wanted = {}
        for name, stage in view.stages.items():
            load = stage.cpus if name == GATEWAY else stage.ongoing
            wanted[name] = scalers[name].after(load / tuning.target(name), stage, view.now_s)
        return wanted

    return policy


@dataclass
class _Hpa:
    window_s: float
    recommended: deque[tuple[float, int]] = field(default_factory=deque)

    def after(self, need: float, stage: StageView, now_s: float) -> int:
        target = stage.target
        if not self.recommended:
            self.recommended.append((now_s, target))
        if now_s % SYNC_S or not stage.heard:
            return target
        if need < target:
            need = min(target, need + (1 - stage.heard) * target)
        ratio = need / max(1, target)
        wish = target if abs(ratio - 1) <= TOLERANCE else max(1, math.ceil(need))
        self.recommended.append((now_s, wish))
        while self.recommended[0][0] < now_s - self.window_s:
            self.recommended.popleft()
        if wish >= target:
            return min(wish, max(2 * target, target + 4))
        return min(target, max(wish for _, wish in self.recommended))


POLICIES = {"ours": ours, "serve": serve, "hpa": hpa}
