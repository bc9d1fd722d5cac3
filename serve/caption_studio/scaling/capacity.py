"""Flow and load of a stage → the requests/s that one replica carries at its target.

Learnt while the stage works, so no ratio between the stages and no figure of a card has to be set.
By Little's law the requests in progress over the requests/s are the latency. It is kept for a load
below the target and for one above it; at the target it is on the straight line between.
"""

import math
from dataclasses import dataclass, replace

from caption_studio.scaling.load import Load
from caption_studio.settings import StageScaling

SETTLED_S = 10.0
"""Time since a replica came or went, before a load counts: rates are over the last seconds."""

LEAST_PART = 0.1
"""Share of its target that a replica must have in progress for its latency to count."""

MOST_PART = 2.0
"""More than this share of the target waits for the engine: it adds to the latency what it adds to
the load, so the load counts as if it were this share."""

MEMORY_S = 30.0
"""Time constant with which a latency is replaced by what is seen at present."""


@dataclass(frozen=True, slots=True)
class Point:
    """A load of one replica, in requests in progress, and its latency."""

    ongoing: float
    latency_s: float


@dataclass(frozen=True, slots=True)
class Capacity:
    """What is known of a replica: a load below the target, and one above it.

    `running` is the number of replicas at the last look, at `seen_s`, and `since_s` since when.
    """

    below: Point | None = None
    above: Point | None = None
    running: int = 0
    since_s: float = 0.0
    seen_s: float = 0.0

    def per_s(self, stage: StageScaling) -> float | None:
        """Return the requests/s at the target; None if nothing was learnt.

        From one point alone the latency at the target follows by `lone_share`.
        """
        target = stage.target_ongoing
        if self.below and self.above:
            part = (target - self.below.ongoing) / (self.above.ongoing - self.below.ongoing)
            rise_s = self.above.latency_s - self.below.latency_s
            latency_s = self.below.latency_s + part * rise_s
        elif point := self.below or self.above:
            latency_s = point.latency_s / latency_share(point.ongoing / target, stage)
        else:
            return None
        return target / latency_s if 0 < latency_s < math.inf else None


def latency_share(part_of_target: float, stage: StageScaling) -> float:
    """Return the latency at a share of the target, as a share of that at the target.

    An engine answers sooner with fewer requests. The latency is assumed to grow linearly, from
    `lone_share` on.
    """
    return stage.lone_share + (1 - stage.lone_share) * part_of_target


def learnt(capacity: Capacity, load: Load, stage: StageScaling, now_s: float) -> Capacity:
    """Return the capacity after a look at the load."""
    if load.running != capacity.running:
        return replace(capacity, running=load.running, since_s=now_s, seen_s=now_s)
    passed_s = now_s - capacity.seen_s
    capacity = replace(capacity, seen_s=now_s)
    if not load.running or not load.ongoing or not load.finished_per_s or load.heard < 1:
        return capacity
    ongoing = load.ongoing / load.running
    if ongoing < LEAST_PART * stage.target_ongoing or now_s - capacity.since_s < SETTLED_S:
        return capacity
    ongoing = min(ongoing, MOST_PART * stage.target_ongoing)
    seen = Point(ongoing, ongoing / load.finished_per_s * load.running)
    if ongoing < stage.target_ongoing:
        return replace(capacity, below=_towards(capacity.below, seen, passed_s))
    return replace(capacity, above=_towards(capacity.above, seen, passed_s))


def _towards(before: Point | None, seen: Point, passed_s: float) -> Point:
    if before is None:
        return seen
    weight = -math.expm1(-passed_s / MEMORY_S)
    return Point(
        before.ongoing + weight * (seen.ongoing - before.ongoing),
        before.latency_s + weight * (seen.latency_s - before.latency_s),
    )
