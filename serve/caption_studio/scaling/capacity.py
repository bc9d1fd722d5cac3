"""Flow and load of a stage → the requests/s that one replica carries at its target.

Learnt while the stage works, so no ratio between the stages and no figure of a card has to be set.
By Little's law the requests in progress over the requests/s are the latency. It is kept for a load
below the target and for one above it; at the target it is on the straight line between.

What was seen above the target may have been a slow half minute, and more replicas than needed never
see such a load again. So after a while in which it was not seen it is believed less and less, and
the loads below count instead. If a new look confirms it, it is believed for four times as long: a
steady load is tried with fewer replicas ever more rarely.

A target for the 95th percentile of what callers wait becomes a load. The ratio of that percentile
to the mean latency is learnt as well. The target over this ratio is the mean latency that is
allowed, and the load is the highest one that keeps it.
"""

import math
from dataclasses import dataclass, replace

from caption_studio.scaling.load import Load
from caption_studio.settings import StageScaling

SETTLED_S = 10.0
"""Time since a replica came or went, before a load counts: rates are over the last seconds."""

LEAST = 1e-3
"""Fewer requests in progress, or answers a second, are none: rounding, no basis of a latency."""

FAINT = 0.1
"""Share of its target below which a replica's latency tells little of that at the target."""

MOST_PART = 2.0
"""More than this share of the target waits for the engine: it adds to the latency what it adds to
the load, so the load counts as if it were this share."""

MEMORY_S = 30.0
"""Time constant with which a latency is replaced by what is seen at present."""

TRUST_S = 600.0
"""How long what was seen above the target is believed at first; then it counts for half after as
long again. A wave that comes again in twice the window of `downscale_delay_s` finds it known."""

MOST_TRUST_S = 86_400.0
"""The longest such time: a day."""

MORE_TRUST = 4.0
"""Factor of that time for each confirmation."""

VISIT_S = 60.0
"""A load above the target is a new visit, and so a test of the last one, after so long without."""

HALF = 0.5
"""Share of a stage's replicas whose answers must be known: the others then answer as they do."""

STEPS = 20
"""Halvings in the search for the load that has a given latency: to a millionth of the target."""

AGREES = 1.3
"""Rates that differ by less are the same; the rate of a full engine still rises by a fifth from its
target to twice that."""


@dataclass(frozen=True, slots=True)
class Point:
    """A load of one replica, in requests in progress, and its latency."""

    ongoing: float
    latency_s: float

    @property
    def per_s(self) -> float:
        """Return the requests/s."""
        return self.ongoing / self.latency_s


@dataclass(frozen=True, slots=True)
class Capacity:
    """What is known of a replica: a load below the target, and one above it.

    `above_s` is when the latter was seen last, `trust_s` how long it is believed. `spread` is the
    ratio of the 95th percentile of what callers wait to the mean latency. `running` is the number
    of replicas at the last look, at `seen_s`, and `since_s` since when.
    """

    below: Point | None = None
    above: Point | None = None
    above_s: float = 0.0
    trust_s: float = TRUST_S
    spread: float | None = None
    running: int = 0
    since_s: float = 0.0
    seen_s: float = 0.0

    def per_s(self, stage: StageScaling, now_s: float) -> float | None:
        """Return the requests/s at the target; None if nothing was learnt."""
        latency_s = self._latency_s(stage.target_ongoing, stage, now_s)
        return None if latency_s is None else stage.target_ongoing / latency_s

    def within(self, stage: StageScaling, now_s: float) -> StageScaling:
        """Return the stage with the most requests in a replica that keep its `target_p95_s`.

        They are `FAINT` of its target at least. The target stays as it is if not even a lone
        request is answered in time, for more replicas would not help.
        """
        if stage.target_p95_s is None or self.spread is None:
            return stage
        mean_s = stage.target_p95_s / self.spread

        def is_late(ongoing: float) -> bool:
            latency_s = self._latency_s(ongoing, stage, now_s)
            return latency_s is not None and latency_s > mean_s

        if not is_late(stage.target_ongoing) or is_late(0.0):
            return stage
        low, high = 0.0, stage.target_ongoing
        for _ in range(STEPS):
            middle = (low + high) / 2
            low, high = (low, middle) if is_late(middle) else (middle, high)
        ongoing = max(low, FAINT * stage.target_ongoing)
        return stage.model_copy(update={"target_ongoing": ongoing})

    def _latency_s(self, ongoing: float, stage: StageScaling, now_s: float) -> float | None:
        """Return how long a request takes beside so many others; None if nothing was learnt."""
        if self.below is None:
            return None if self.above is None else _at(ongoing, self.above, stage)
        guessed_s = _at(ongoing, self.below, stage)
        if self.above is None or ongoing < self.below.ongoing:
            return guessed_s
        # Either may be older than what makes answers longer now; and the target may have been set
        # anew, with what was learnt under another.
        part = (ongoing - self.below.ongoing) / max(1e-9, self.above.ongoing - self.below.ongoing)
        rise_s = max(0.0, self.above.latency_s - self.below.latency_s)
        seen_s = self.below.latency_s + min(1.0, part) * rise_s
        trust: float = 0.5 ** max(0.0, (now_s - self.above_s) / self.trust_s - 1)
        return 1 / (trust / seen_s + (1 - trust) / guessed_s)  # the mean of the rates


def latency_share(part_of_target: float, stage: StageScaling) -> float:
    """Return the latency at a share of the target, as a share of that at the target.

    An engine answers sooner with fewer requests. The latency is assumed to grow linearly, from
    `lone_share` on.
    """
    return stage.lone_share + (1 - stage.lone_share) * part_of_target


def learnt(capacity: Capacity, load: Load, stage: StageScaling, now_s: float) -> Capacity:
    """Return the capacity after a look at the load. `now_s` never falls."""
    if load.running != capacity.running:
        return replace(capacity, running=load.running, since_s=now_s, seen_s=now_s)
    passed_s = now_s - capacity.seen_s
    capacity = replace(capacity, seen_s=now_s)
    seen = _seen(load, stage)
    if seen is None or now_s - capacity.since_s < SETTLED_S:
        return capacity
    weight = -math.expm1(-passed_s / MEMORY_S)
    capacity = replace(capacity, spread=_spread(capacity.spread, load, weight))
    if seen.ongoing >= stage.target_ongoing:
        return _with_above(capacity, seen, weight, stage, now_s)
    part = seen.ongoing / stage.target_ongoing
    weight *= min(1.0, (part / FAINT) ** 2)
    return replace(capacity, below=_towards(capacity.below, capacity.above, seen, weight, stage))


def _seen(load: Load, stage: StageScaling) -> Point | None:
    if not load.running or load.ongoing is None or load.finished_per_s is None:
        return None
    if load.ongoing < LEAST * load.running or load.finished_per_s < LEAST:
        return None
    if load.heard < 1 or load.answers_heard < HALF:
        return None
    ongoing = min(load.ongoing / load.running, MOST_PART * stage.target_ongoing)
    return Point(ongoing, ongoing / load.finished_per_s * load.running)


def _spread(before: float | None, load: Load, weight: float) -> float | None:
    """Return the ratio of the 95th percentile to the mean (by Little's law) after a look."""
    if not load.wait_p95_s or not load.ongoing or not load.finished_per_s:
        return before
    seen = load.wait_p95_s * load.finished_per_s / load.ongoing
    return seen if before is None else before + weight * (seen - before)


def _with_above(
    capacity: Capacity, seen: Point, weight: float, stage: StageScaling, now_s: float
) -> Capacity:
    """Return the capacity after a load at the target or above."""
    trust_s = capacity.trust_s
    if capacity.above is not None and now_s - capacity.above_s >= VISIT_S:
        agrees = 1 / AGREES < seen.per_s / capacity.above.per_s < AGREES
        trust_s = min(MOST_TRUST_S, MORE_TRUST * trust_s) if agrees else TRUST_S
    above = _towards(capacity.above, capacity.below, seen, weight, stage)
    return replace(capacity, above=above, above_s=now_s, trust_s=trust_s)


def _towards(
    before: Point | None, other: Point | None, seen: Point, weight: float, stage: StageScaling
) -> Point:
    """Return a point between the one before and the one that is seen.

    The first look replaces what `other`, on the other side of the target, lets expect of it.
    """
    if before is None:
        if other is None:
            return seen
        before = Point(seen.ongoing, _at(seen.ongoing, other, stage))
    return Point(
        before.ongoing + weight * (seen.ongoing - before.ongoing),
        before.latency_s + weight * (seen.latency_s - before.latency_s),
    )


def _at(ongoing: float, known: Point, stage: StageScaling) -> float:
    """Return the latency at a load that follows from another one by `lone_share`."""
    target = stage.target_ongoing
    share = latency_share(ongoing / target, stage) / latency_share(known.ongoing / target, stage)
    return known.latency_s * share
