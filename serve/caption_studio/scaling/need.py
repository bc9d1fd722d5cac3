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

SOON_PER_S = 1e-9
"""Flow that wakes a stage and adds nothing to what one that is awake needs."""

LOOP_BUSY = 0.7
"""Share of its one CPU that a gateway's event loop should use: answers wait for it beyond."""

ROOM_USED = 0.75
"""Share of its places and bytes that a gateway should use: a burst finds the rest."""

MANY = 0.5
"""If this share of the gateways refuses requests, the service is full."""


def gateway_need(load: Load, target_cpus: float, held: float) -> float | None:
    """Return the gateways that keep each of their means below its target; None if unknown.

    Requests cost CPU when they come (the picture is decoded). If more come than are decoded and the
    CPUs are busy, those in use are less than what is needed; else pictures wait for a host that
    sends them. Places count up to `held`, the requests that the stages' replicas are to have: those
    that only wait for a stage need no gateway.
    """
    if load.cpus is None or not load.heard:
        return None
    behind = 1.0
    busy = load.cpus / load.heard >= target_cpus * load.running
    if busy and load.asked_per_s and load.finished_per_s:
        waiting = load.room.decoding if load.room else 0.0
        behind = max(1.0, (load.asked_per_s + waiting / DRAIN_S) / load.finished_per_s)
    needs = [load.cpus * behind / target_cpus]
    if (room := load.room) is not None:
        needs += [room.loop_cpus / LOOP_BUSY, room.bytes_share / ROOM_USED]
        if room.places:
            in_flight = min(room.in_flight / load.heard, held) * load.heard
            needs.append(in_flight / (ROOM_USED * room.places))
    return _bounded(max(needs) / load.heard, load)


def is_full(gateway: Load | None) -> bool:
    """Return whether requests are refused, at the gateways or before them."""
    return gateway is not None and gateway.room is not None and gateway.room.full_share >= MANY


def stage_need(
    load: Load,
    capacity_per_s: float | None,
    stage: StageScaling,
    coming_per_s: float = 0.0,
    *,
    full: bool = False,
) -> float | None:
    """Return the replicas that a stage needs; None if unknown.

    Once a replica's rate is known: what comes, `coming_per_s` added, and the queue. Before that,
    what is in progress. The more of both while the service is `full`: what is let in then is what
    the stages answer, however much comes.
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
        if full:
            need = max(need, ongoing / stage.target_ongoing)
    return max(WAKE if ongoing or coming_per_s else 0.0, _bounded(need, load))


def held_back_per_s(describer: Load, capacity_per_s: float | None, need: float | None) -> float:
    """Return the captions/s that describers will soon let through, beyond what they do now.

    It is 0 while they keep up, so the captioners follow only a rise. The describers that there will
    be limit it: requests that wait while describers start are a burst behind them, not a flow.
    """
    if describer.asked_per_s is None or not describer.heard:
        return SOON_PER_S if describer.ongoing else 0.0
    coming_per_s = describer.asked_per_s / describer.heard
    if capacity_per_s is not None:
        describers = max(1, describer.target, min(describer.max_replicas, need or 0.0))
        coming_per_s = min(coming_per_s, describers * capacity_per_s)
    least_per_s = SOON_PER_S if describer.ongoing else 0.0  # counters are seconds old
    if describer.finished_per_s is None and describer.running:
        return least_per_s
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
