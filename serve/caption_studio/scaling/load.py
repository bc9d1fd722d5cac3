"""What is known of one deployment at a time."""

from dataclasses import dataclass

GATEWAY, DESCRIBER, CAPTIONER = "Gateway", "Describer", "Captioner"
STAGES = (GATEWAY, DESCRIBER, CAPTIONER)
"""The deployments' names."""


@dataclass(frozen=True, slots=True)
class Room:
    """What the gateways have in use; sums over those that were heard of.

    `places` is the number of requests that one gateway can hold.
    """

    loop_cpus: float = 0.0
    """CPUs in use by event loops, each of which has one at most."""
    decoding: float = 0.0
    """Pictures that are fetched or decoded, or wait for it."""
    in_flight: float = 0.0
    places: float = 0.0
    bytes_share: float = 0.0
    """Budgets of bytes in use: 1.5 is one gateway's whole budget and half of another's."""
    full_share: float = 0.0
    """Share of the gateways that refuse requests for want of a place."""


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
    """Requests that came for it and were let in."""
    finished_per_s: float | None = None
    cpus: float | None = None
    """CPUs in use, over all replicas; of gateways only."""
    room: Room | None = None
    """Of gateways only."""
    heard: float = 1.0
    """Share of the gateways, which report these loads, whose reports are there."""
    answers_heard: float = 1.0
    """Share of the replicas whose count of answers is there; `finished_per_s` stands for all."""
    wait_p95_s: float | None = None
    """Within this time 95 % of the stage's last calls were answered, or began their stream."""
