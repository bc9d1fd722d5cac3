"""Loads of the three deployments → how many replicas each should have.

Pure: time comes as an argument, state goes in and comes out. Production (deployments.scaling)
and the simulation (scaling.simulation) run this very code.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from caption_studio.settings import ScalingSettings, StageScaling

GATEWAY, DESCRIBER, CAPTIONER = "Gateway", "Describer", "Captioner"
STAGES = (GATEWAY, DESCRIBER, CAPTIONER)
"""The deployments' names."""

_EPSILON = 1e-9
"""A need of 2 that floating point made 2.0000000001 is no need of 3."""


@dataclass(frozen=True, slots=True)
class Load:
    """One deployment now. `ongoing` is None where nobody knows: the deployment is left alone."""

    ongoing: float | None
    target: int
    min_replicas: int
    max_replicas: int


@dataclass(frozen=True, slots=True)
class Wish:
    """Since when a deployment has wished for more (+1) or fewer (-1) replicas without a break."""

    direction: int = 0
    since_s: float = 0.0


NO_WISH = Wish()


@dataclass(frozen=True, slots=True)
class Decision:
    """The replicas to have from now on, and the wish to bring to the next decision."""

    replicas: int
    wish: Wish


def decide(
    loads: Mapping[str, Load],
    wishes: Mapping[str, Wish],
    settings: ScalingSettings,
    now_s: float,
) -> dict[str, Decision]:
    """Return a decision for each deployment in `loads`."""
    needs = _needs(loads, settings)
    decisions = {}
    for name, load in loads.items():
        stage: StageScaling = getattr(settings, name.lower())
        wanted = _wanted(needs[name], load, stage)
        decisions[name] = _delayed(wanted, load, stage, wishes.get(name, NO_WISH), now_s)
    return decisions


def _needs(loads: Mapping[str, Load], settings: ScalingSettings) -> dict[str, float | None]:
    """Return how many replicas' worth of work each deployment has, as a fraction."""
    needs: dict[str, float | None] = {}
    for name, load in loads.items():
        stage: StageScaling = getattr(settings, name.lower())
        needs[name] = None
        if load.ongoing is not None and math.isfinite(load.ongoing) and load.ongoing >= 0:
            needs[name] = load.ongoing / stage.target_ongoing
    described, captioned = needs.get(DESCRIBER), needs.get(CAPTIONER)
    if described is not None and captioned is not None:
        # No more comes out of the describers than those that there are let through: what
        # waits while they start is a burst behind them, not a flow.
        flow = min(described, float(max(1, loads[DESCRIBER].target)))
        needs[CAPTIONER] = max(captioned, flow * settings.captioners_per_describer)
    return needs


def _wanted(need: float | None, load: Load, stage: StageScaling) -> int:
    """Return the replicas for a need, within bounds; inside the dead band, those that are."""
    if need is None:
        return load.target
    enough = math.ceil(need - _EPSILON)
    roomy = math.ceil(need * (1 + stage.dead_band) - _EPSILON)
    wanted = enough if enough > load.target else min(roomy, load.target)
    return max(load.min_replicas, min(load.max_replicas, wanted))


def _delayed(wanted: int, load: Load, stage: StageScaling, wish: Wish, now_s: float) -> Decision:
    """Return what is wanted once it has been wanted for long enough."""
    direction = (wanted > load.target) - (wanted < load.target)
    if direction == 0:
        return Decision(load.target, NO_WISH)
    if direction < 0 and load.target > 1:
        wanted = max(1, wanted)  # the last one goes by its own, longer delay
    if wish.direction != direction:
        wish = Wish(direction, now_s)
    if now_s - wish.since_s + _EPSILON < _delay_s(direction, load, stage):
        return Decision(load.target, wish)
    return Decision(wanted, NO_WISH)


def _delay_s(direction: int, load: Load, stage: StageScaling) -> float:
    if direction > 0:
        return 0.0 if load.target == 0 else stage.upscale_delay_s
    return stage.to_zero_delay_s if load.target == 1 else stage.downscale_delay_s
