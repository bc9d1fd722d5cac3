"""Serve's view of the application → replicas: `scaling.policy` as an application-level policy.

A Serve config file names `JointPolicy` under `autoscaling_policy`; its `policy_kwargs` are
`ScalingSettings`. Serve's own delays must be 0 there, because Serve would add them to the policy's
(ray/serve/autoscaling_policy.py, `_apply_app_level_autoscaling_config`, 2.60). The fewest and most
replicas come from each deployment's `autoscaling_config`.

Serve tells how many requests the gateways have in progress. It does not see calls of the stages
(`direct`): how many are in progress, what came, what was answered and the CPUs in use come from our
replicas' own counters (`scaling_reports`).

Serve overrides any policy in one case: a deployment that has a request but no running replica gets
one, or keeps its current target.
"""

import logging
from collections.abc import Mapping
from typing import Any

from ray.serve.config import AutoscalingContext

from caption_studio.deployments.scaling_reports import Freshness, Told, finished_per_s, in_flight
from caption_studio.scaling.hearing import Hearing
from caption_studio.scaling.load import GATEWAY, Load
from caption_studio.scaling.policy import decide
from caption_studio.settings import Settings

Contexts = Mapping[Any, AutoscalingContext]

Answer = tuple[dict[Any, int], dict[Any, dict[str, Any]]]

MEMORY = "memory"

logger = logging.getLogger(__name__)


class JointPolicy:
    """Made once in Serve's controller, called at each of its rounds (ten a second)."""

    def __init__(self, **values: Any) -> None:
        self._settings = Settings.load({"scaling": values}).scaling
        self._freshness = Freshness()
        self._hearing = Hearing()

    def __call__(self, contexts: Contexts) -> Answer:
        """Return the replicas of each deployment, and its memory as state for the next round.

        A fault of ours changes no replicas: Serve would end the round of every application.
        """
        try:
            return self._decided(contexts)
        except Exception:
            logger.exception("the scaling policy failed; replicas stay as they are")
            targets = {key: context.target_num_replicas for key, context in contexts.items()}
            return targets, {key: {} for key in contexts}

    def _decided(self, contexts: Contexts) -> Answer:
        if not contexts:
            return {}, {}
        ids = {context.deployment_name: key for key, context in contexts.items()}
        now_s = next(iter(contexts.values())).current_time or 0.0
        heard = self._freshness.look(contexts.values(), now_s)
        told = Told()
        if GATEWAY in ids:
            gateways = contexts[ids[GATEWAY]]
            self._hearing = self._hearing.after(gateways.current_num_replicas, now_s)
            told = Told.by(gateways, heard[GATEWAY], self._hearing)
        loads = {name: _load(name, contexts[key], told, heard[name]) for name, key in ids.items()}
        memories = {
            name: contexts[key].policy_state[MEMORY]
            for name, key in ids.items()
            if MEMORY in contexts[key].policy_state
        }
        decisions = decide(loads, memories, self._settings, now_s)
        replicas = {ids[name]: decision.replicas for name, decision in decisions.items()}
        states = {ids[name]: {MEMORY: decision.memory} for name, decision in decisions.items()}
        return replicas, states


def _ongoing(context: AutoscalingContext, *told: float | None) -> float | None:
    """Return a stage's requests in progress, None if nobody who sees them has told.

    Serve itself sees those that wait for a stage's first replica, and adapters that are loaded.
    """
    seen = float(context.total_num_requests)
    known = [number for number in told if number is not None]
    if not known and not seen and context.current_num_replicas:
        return None
    return max(seen, *known) if known else seen


def _load(name: str, context: AutoscalingContext, told: Told, heard: set[Any]) -> Load:
    at_gateway = name == GATEWAY
    # The gateways' handles report the stages' loads: without a gateway they are unknown.
    known = at_gateway or told.has_gateways
    if at_gateway:
        ongoing: float | None = float(context.total_num_requests)
    else:
        ongoing = _ongoing(context, told.under_way(name), in_flight(context, heard))
    answered_per_s, answers_heard = finished_per_s(context, heard)
    return Load(
        target=context.target_num_replicas,
        running=context.current_num_replicas,
        min_replicas=context.capacity_adjusted_min_replicas,
        max_replicas=context.capacity_adjusted_max_replicas,
        ongoing=ongoing if known else None,
        asked_per_s=told.asked_per_s(name),
        finished_per_s=told.decoded_per_s if at_gateway else answered_per_s,
        cpus=told.cpus if at_gateway else None,
        room=told.room if at_gateway else None,
        heard=told.heard,
        answers_heard=1.0 if at_gateway else answers_heard,
        wait_p95_s=told.wait_p95_s(name),
    )
