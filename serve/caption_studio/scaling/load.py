"""What is known of one deployment at a time."""

from dataclasses import dataclass

GATEWAY, DESCRIBER, CAPTIONER = "Gateway", "Describer", "Captioner"
STAGES = (GATEWAY, DESCRIBER, CAPTIONER)
"""The deployments' names."""


@dataclass(frozen=True, slots=True)
class Load:
    """One deployment now; None is what is not known.

    `target` is the number of replicas set last, of which `running` take requests. Rates are over
    the last seconds, and of the processes that were heard of.
    """

    target: int
    running: int
    min_replicas: int
    max_replicas: int
    ongoing: float | None = None
    """Requests in progress at the replicas, and those that wait for one."""
    asked_per_s: float | None = None
    """Requests that came for it, those that a full service refused included."""
    finished_per_s: float | None = None
    cpus: float | None = None
    """CPUs in use, over all replicas; of gateways only."""
    heard: float = 1.0
    """Share of the gateways, which report these loads, whose reports are there."""
