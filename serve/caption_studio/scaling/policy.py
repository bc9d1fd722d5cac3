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

MAX_GROWTH = 4.0
"""Upper bound of a need, in multiples of the running replicas: a queue that grows during a cold
start would ask for ever more."""

FALLING = 0.97
"""A need that falls to this share of itself within `upscale_delay_s` falls without help, so the
delay starts anew."""

_EPSILON = 1e-9
"""Tolerance: a need of 2 that floating point made 2.0000000001 is no need of 3."""


@dataclass(frozen=True, slots=True)
class Load:
    """One deployment now. `ongoing` is None if unknown; then the deployment is left alone.

    `target` is the number of replicas set last, of which `running` take requests.
    """

    ongoing: float | None
    target: int
    running: int
    min_replicas: int
    max_replicas: int


@dataclass(frozen=True, slots=True)
class Wish:
    """A deployment's unbroken wish for more (+1) or fewer (-1) replicas, and since when.

    `need` is its need when the wish began.
    """

    direction: int = 0
    since_s: float = 0.0
    need: float = 0.0


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
    needs = {name: _own_need(load, _stage(name, settings)) for name, load in loads.items()}
    ahead = _ahead(needs, loads, settings)
    decisions = {}
    for name, load in loads.items():
        own, wish = needs[name], wishes.get(name, NO_WISH)
        coming = ahead if name == CAPTIONER else 0.0
        stage = _stage(name, settings)
        wanted = load.target if own is None else _wanted(own, coming, load, stage)
        need = max(own or 0.0, coming)
        decisions[name] = _delayed(wanted, need, load, stage, wish, now_s)
    return decisions


def _stage(name: str, settings: ScalingSettings) -> StageScaling:
    stage: StageScaling = getattr(settings, name.lower())
    return stage


def _ahead(
    needs: Mapping[str, float | None], loads: Mapping[str, Load], settings: ScalingSettings
) -> float:
    """Return the captioners that the pictures now at the describers will need."""
    described = needs.get(DESCRIBER)
    if described is None:
        return 0.0
    # The number of describers limits their output: requests that wait while describers start are a
    # burst behind them, not a flow.
    flow = min(described, float(max(1, loads[DESCRIBER].target)))
    return flow * settings.captioners_per_describer


def _own_need(load: Load, stage: StageScaling) -> float | None:
    """Return the replicas that would carry this flow with `target_ongoing` each; None: unknown.

    Below its target a replica answers sooner, so its ongoing requests are less than its share of
    the flow: an engine with an eighth of its requests may do half of its work. Latency is assumed
    to grow linearly, from `lone_share` of the latency at the target. Above the target requests
    wait, and the flow is unknown.
    """
    if load.ongoing is None or not math.isfinite(load.ongoing) or load.ongoing < 0:
        return None
    there = max(1, load.running)
    part = load.ongoing / (there * stage.target_ongoing)
    if part < 1:
        part /= stage.lone_share + (1 - stage.lone_share) * part
    return there * part


def _wanted(own: float, coming: float, load: Load, stage: StageScaling) -> int:
    """Return the replicas for a need, within bounds; inside the dead band, the current target."""
    grown = MAX_GROWTH * max(1, load.running)
    enough = math.ceil(max(min(own, grown), coming) - _EPSILON)
    roomy = math.ceil(max(own, coming) * (1 + stage.dead_band) - _EPSILON)
    wanted = enough if enough > load.target else min(roomy, load.target)
    return max(load.min_replicas, min(load.max_replicas, wanted))


def _delayed(
    wanted: int, need: float, load: Load, stage: StageScaling, wish: Wish, now_s: float
) -> Decision:
    """Return `wanted` once it has been wanted for long enough, before that the current target."""
    direction = (wanted > load.target) - (wanted < load.target)
    if direction == 0:
        return Decision(load.target, NO_WISH)
    if direction < 0 and load.target > 1:
        wanted = max(1, wanted)  # the last one goes by its own, longer delay
    if wish.direction != direction or (direction > 0 and need < FALLING * wish.need):
        wish = Wish(direction, now_s, need)
    if now_s - wish.since_s + _EPSILON < _delay_s(direction, load, stage):
        return Decision(load.target, wish)
    return Decision(wanted, NO_WISH)


def _delay_s(direction: int, load: Load, stage: StageScaling) -> float:
    if direction > 0:
        return 0.0 if load.target == 0 else stage.upscale_delay_s
    return stage.to_zero_delay_s if load.target == 1 else stage.downscale_delay_s
