"""Loads of the three deployments → how many replicas each should have.

Pure: time comes as an argument, memory goes in and comes out. Gateways follow the CPUs they use,
the stages what comes for them, the captioners also what the describers will let through (`need`),
by what a replica was seen to carry (`capacity`), with delays (`pace`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from caption_studio.scaling.capacity import Capacity, learnt
from caption_studio.scaling.load import CAPTIONER, DESCRIBER, GATEWAY, Load
from caption_studio.scaling.need import gateway_need, held_back_per_s, stage_need
from caption_studio.scaling.pace import History, paced
from caption_studio.settings import ScalingSettings, StageScaling
from caption_studio.settings.scaling import Pace


@dataclass(frozen=True, slots=True)
class Memory:
    """What a deployment's next decision has to know of those before."""

    history: History
    capacity: Capacity


@dataclass(frozen=True, slots=True)
class Decision:
    """The replicas to have from now on, and the memory to bring to the next decision."""

    replicas: int
    memory: Memory


def decide(
    loads: Mapping[str, Load],
    memories: Mapping[str, Memory],
    settings: ScalingSettings,
    now_s: float,
) -> dict[str, Decision]:
    """Return a decision for each deployment in `loads`."""
    before = {name: memories.get(name, Memory(History(now_s), Capacity())) for name in loads}
    capacities = {
        name: before[name].capacity
        if name == GATEWAY
        else learnt(before[name].capacity, load, _stage(name, settings), now_s)
        for name, load in loads.items()
    }
    needs = _needs(loads, capacities, settings)
    decisions = {}
    for name, load in loads.items():
        pace: Pace = settings.gateway if name == GATEWAY else _stage(name, settings)
        replicas, history = paced(needs[name], load, pace, before[name].history, now_s)
        decisions[name] = Decision(replicas, Memory(history, capacities[name]))
    return decisions


def _needs(
    loads: Mapping[str, Load], capacities: Mapping[str, Capacity], settings: ScalingSettings
) -> dict[str, float | None]:
    needs: dict[str, float | None] = {}
    coming_per_s = 0.0
    if (gateway := loads.get(GATEWAY)) is not None:
        needs[GATEWAY] = gateway_need(gateway, settings.gateway.target_cpus)
    if (describer := loads.get(DESCRIBER)) is not None:
        per_s = capacities[DESCRIBER].per_s(settings.describer)
        needs[DESCRIBER] = stage_need(describer, per_s, settings.describer)
        coming_per_s = held_back_per_s(describer, per_s, needs[DESCRIBER])
    if (captioner := loads.get(CAPTIONER)) is not None:
        per_s = capacities[CAPTIONER].per_s(settings.captioner)
        needs[CAPTIONER] = stage_need(captioner, per_s, settings.captioner, coming_per_s)
    return needs


def _stage(name: str, settings: ScalingSettings) -> StageScaling:
    stage: StageScaling = getattr(settings, name.lower())
    return stage
