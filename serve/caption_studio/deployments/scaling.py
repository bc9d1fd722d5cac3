"""Serve's view of the application → replicas: `scaling.policy` as an application-level policy.

A Serve config file names `JointPolicy` under `autoscaling_policy`; its `policy_kwargs` are
`ScalingSettings`. Serve's own delays must be 0 there, because Serve would add them to the policy's
(ray/serve/autoscaling_policy.py, `_apply_app_level_autoscaling_config`, 2.60). The fewest and most
replicas come from each deployment's `autoscaling_config`.

Serve overrides any policy in one case: a deployment that has a request but no running replica gets
one, or keeps its current target.
"""

from collections.abc import Mapping
from typing import Any

from ray.serve.config import AutoscalingContext

from caption_studio.scaling.policy import GATEWAY, Load, Wish, decide
from caption_studio.settings import Settings

Contexts = Mapping[Any, AutoscalingContext]


class JointPolicy:
    """Made once in Serve's controller, called at each of its rounds (ten a second)."""

    def __init__(self, **values: Any) -> None:
        self._settings = Settings.load({"scaling": values}).scaling

    def __call__(self, contexts: Contexts) -> tuple[dict[Any, int], dict[Any, dict[str, Any]]]:
        """Return the replicas of each deployment, and its wish as state for the next round."""
        if not contexts:
            return {}, {}
        ids = {context.deployment_name: key for key, context in contexts.items()}
        gateway = ids.get(GATEWAY)
        # The gateways' handles report the stages' loads: without a gateway they are unknown.
        blind = gateway is not None and contexts[gateway].current_num_replicas == 0
        loads = {
            name: _load(contexts[key], known=name == GATEWAY or not blind)
            for name, key in ids.items()
        }
        wishes = {
            name: Wish(**contexts[key].policy_state["wish"])
            for name, key in ids.items()
            if "wish" in contexts[key].policy_state
        }
        now_s = next(iter(contexts.values())).current_time
        decisions = decide(loads, wishes, self._settings, now_s or 0.0)
        replicas = {ids[name]: decision.replicas for name, decision in decisions.items()}
        states = {
            ids[name]: {
                "wish": {
                    "direction": decision.wish.direction,
                    "since_s": decision.wish.since_s,
                    "need": decision.wish.need,
                }
            }
            for name, decision in decisions.items()
        }
        return replicas, states


def _load(context: AutoscalingContext, *, known: bool) -> Load:
    return Load(
        ongoing=float(context.total_num_requests) if known else None,
        target=context.target_num_replicas,
        running=context.current_num_replicas,
        min_replicas=context.capacity_adjusted_min_replicas,
        max_replicas=context.capacity_adjusted_max_replicas,
    )
