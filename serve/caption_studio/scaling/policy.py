"""Loads of the three deployments → how many replicas each should have.

Pure: time comes as an argument, memory goes in and comes out. Gateways follow what they have in
use, the stages what comes for them, the captioners also what the describers will let through
(`need`), by what a replica was seen to carry (`capacity`), with delays (`pace`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from caption_studio.scaling.capacity import Capacity, learnt
from caption_studio.scaling.load import CAPTIONER, DESCRIBER, GATEWAY, Load
from caption_studio.scaling.need import gateway_need, held_back_per_s, is_full, stage_need
from caption_studio.scaling.pace import History, paced
from caption_studio.settings import ScalingSettings, StageScaling
from caption_studio.settings.scaling import Pace

MOST_STEP_S = 30.0
"""The most time that one look adds to the next: a clock that is set ahead ends no window."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What a deployment's next decision has to know of those before.

    `time_s` is the policy's own time, which only rises: a clock that is set back adds nothing.
    `clock_s` is what the clock showed.
    """

    history: History
    capacity: Capacity
    time_s: float
    clock_s: float

    def time_at(self, clock_s: float) -> float:
        """Return the policy's time when the clock shows this."""
        return self.time_s + min(MOST_STEP_S, max(0.0, clock_s - self.clock_s))


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
    before = {
        name: memories.get(name, Memory(History(0.0), Capacity(), 0.0, now_s)) for name in loads
    }
    times_s = {name: memory.time_at(now_s) for name, memory in before.items()}
    capacities = {
        name: before[name].capacity
        if name == GATEWAY
        else learnt(before[name].capacity, load, _stage(name, settings), times_s[name])
        for name, load in loads.items()
    }
    needs = _needs(loads, capacities, settings, times_s)
    decisions = {}
    for name, load in loads.items():
        pace: Pace = settings.gateway if name == GATEWAY else _stage(name, settings)
        time_s = times_s[name]
        replicas, history = paced(needs[name], load, pace, before[name].history, time_s)
        decisions[name] = Decision(replicas, Memory(history, capacities[name], time_s, now_s))
    return decisions


def _needs(
    loads: Mapping[str, Load],
    capacities: Mapping[str, Capacity],
    settings: ScalingSettings,
    times_s: Mapping[str, float],
) -> dict[str, float | None]:
    needs: dict[str, float | None] = {}
    coming_per_s = 0.0
    full = is_full(loads.get(GATEWAY))
    if (gateway := loads.get(GATEWAY)) is not None:
        held = sum(
            load.target * _stage(name, settings).target_ongoing
            for name, load in loads.items()
            if name != GATEWAY
        )
        needs[GATEWAY] = gateway_need(gateway, settings.gateway.target_cpus, held)
    if (describer := loads.get(DESCRIBER)) is not None:
        stage, per_s = _carried(DESCRIBER, capacities, settings, times_s)
        needs[DESCRIBER] = stage_need(describer, per_s, stage, full=full)
        coming_per_s = held_back_per_s(describer, per_s, needs[DESCRIBER])
    if (captioner := loads.get(CAPTIONER)) is not None:
        stage, per_s = _carried(CAPTIONER, capacities, settings, times_s)
        needs[CAPTIONER] = stage_need(captioner, per_s, stage, coming_per_s, full=full)
    return needs


def _carried(
    name: str,
    capacities: Mapping[str, Capacity],
    settings: ScalingSettings,
    times_s: Mapping[str, float],
) -> tuple[StageScaling, float | None]:
    """Return the stage with the target that its latency allows, and the requests/s there."""
    stage = capacities[name].within(_stage(name, settings), times_s[name])
    return stage, capacities[name].per_s(stage, times_s[name])


def _stage(name: str, settings: ScalingSettings) -> StageScaling:
    stage: StageScaling = getattr(settings, name.lower())
    return stage
