"""A load and a replica's capacity → the replicas that would carry it, as a fraction."""

import math

from caption_studio.scaling.capacity import latency_share
from caption_studio.scaling.load import Load
from caption_studio.settings import StageScaling

MAX_GROWTH = 4.0
"""Upper bound of a need, in multiples of the running replicas: a queue that grows during a cold
start would ask for ever more, and a rate that was just learnt may be wrong."""

DRAIN_S = 30.0
"""Time in which a queue is to be worked off, beside what keeps coming."""

WAKE = 0.01
"""Need of a stage that has no replica and will have a request."""


def gateway_need(load: Load, target_cpus: float) -> float | None:
    """Return the gateways that would use `target_cpus` each; None if unknown.

    Requests cost a gateway CPU when they come (the picture is decoded) and little while they are
    held. If more come than are decoded, the CPUs in use are less than what is needed.
    """
    if load.cpus is None or not load.heard:
        return None
    behind = 1.0
    if load.asked_per_s and load.finished_per_s:
        behind = max(1.0, load.asked_per_s / load.finished_per_s)
    return _bounded(load.cpus / load.heard * behind / target_cpus, load)


def stage_need(
    load: Load, capacity_per_s: float | None, stage: StageScaling, coming_per_s: float = 0.0
) -> float | None:
    """Return the replicas that a stage needs; None if unknown.

    Once a replica's rate is known: what comes, `coming_per_s` added, and the queue. Before that,
    what is in progress.
    """
    if load.ongoing is None or not math.isfinite(load.ongoing) or load.ongoing < 0:
        return None
    if not load.heard:
        return None
    ongoing = load.ongoing / load.heard
    if capacity_per_s is None or load.asked_per_s is None:
        need = _by_ongoing(ongoing, load, stage)
    else:
        queue = max(0.0, ongoing - max(1, load.running) * stage.target_ongoing)
        comes_per_s = load.asked_per_s / load.heard + coming_per_s + queue / DRAIN_S
        need = comes_per_s / capacity_per_s
    return max(WAKE if ongoing or coming_per_s else 0.0, _bounded(need, load))


def held_back_per_s(describer: Load, capacity_per_s: float | None, need: float | None) -> float:
    """Return the captions/s that describers will soon let through, beyond what they do now.

    It is 0 while they keep up, so the captioners follow only a rise. The describers that there will
    be limit it: requests that wait while describers start are a burst behind them, not a flow.
    """
    if describer.asked_per_s is None or not describer.heard:
        return float(bool(describer.ongoing))
    coming_per_s = describer.asked_per_s / describer.heard
    if capacity_per_s is not None:
        describers = max(1, describer.target, min(describer.max_replicas, need or 0.0))
        coming_per_s = min(coming_per_s, describers * capacity_per_s)
    least_per_s = WAKE if describer.ongoing else 0.0  # counters are seconds old
    return max(least_per_s, coming_per_s - (describer.finished_per_s or 0.0))


def _by_ongoing(ongoing: float, load: Load, stage: StageScaling) -> float:
    """Return the replicas for what is in progress: below its target a replica answers sooner."""
    there = max(1, load.running)
    part = ongoing / (there * stage.target_ongoing)
    if part < 1:
        part /= latency_share(part, stage)
    return there * part


def _bounded(need: float, load: Load) -> float:
    return min(need, MAX_GROWTH * max(1, load.running))
