"""All rules."""

from tests.k8s import (
    access_rules,
    pod_rules,
    ray_rules,
    reference_rules,
    serve_rules,
    settings_rules,
    time_rules,
)
from tests.k8s.rendered import Rule

RULES: tuple[Rule, ...] = (
    *ray_rules.RULES,
    *pod_rules.RULES,
    *access_rules.RULES,
    *reference_rules.RULES,
    *serve_rules.RULES,
    *settings_rules.RULES,
    *time_rules.RULES,
)
