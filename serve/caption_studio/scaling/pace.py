"""A need over time → whole replicas: more after a delay, fewer when a whole window needed fewer."""

import math
from dataclasses import dataclass, replace

from caption_studio.scaling.load import Load
from caption_studio.settings.scaling import Pace

FALLING = 0.97
"""A need that falls to this share of itself within `upscale_delay_s` falls without help, so the
delay starts anew."""

PEAKS = 12
"""Into so many parts the window is divided, each of which keeps its highest need."""

_EPSILON = 1e-9
"""Tolerance: a need of 2 that floating point made 2.0000000001 is no need of 3."""


@dataclass(frozen=True, slots=True)
class History:
    """What a deployment needed lately.

    `rising_s` is since when it has wanted more without a break, `rising` its need then. `peaks` are
    the highest needs by the end of their part of the window. `idle_s` is since when it has had no
    work. None: not now.
    """

    began_s: float
    rising_s: float | None = None
    rising: float = 0.0
    peaks: tuple[tuple[float, float], ...] = ()
    idle_s: float | None = None


def paced(
    need: float | None, load: Load, pace: Pace, history: History, now_s: float
) -> tuple[int, History]:
    """Return the replicas to have from now on, and the history for the next decision.

    An unknown need changes nothing, and counts as if all present replicas were needed.
    """
    enough_now = load.target / (1 + pace.dead_band)
    seen = enough_now if need is None else need
    if load.heard < 1:
        seen = max(seen, enough_now)
    idle_s = None if seen > 0 else (now_s if history.idle_s is None else history.idle_s)
    peaks = _with_peak(history.peaks, seen, pace.downscale_delay_s, now_s)
    history = replace(history, peaks=peaks, idle_s=idle_s)
    wanted, history = _wanted(seen, load, pace, history, now_s)
    return max(load.min_replicas, min(load.max_replicas, wanted)), history


def _wanted(
    need: float, load: Load, pace: Pace, history: History, now_s: float
) -> tuple[int, History]:
    enough = math.ceil(need - _EPSILON)
    if enough > load.target:
        if history.rising_s is None or need < FALLING * history.rising:
            history = replace(history, rising_s=now_s, rising=need)
        delay_s = pace.upscale_delay_s if load.target else 0.0
        assert history.rising_s is not None
        waited = now_s - history.rising_s + _EPSILON >= delay_s
        return (enough, replace(history, rising_s=None)) if waited else (load.target, history)
    history = replace(history, rising_s=None)
    if now_s - history.began_s + _EPSILON < pace.downscale_delay_s:
        return load.target, history
    highest = max(peak for _, peak in history.peaks)
    fewer = max(1, math.ceil(highest * (1 + pace.dead_band) - _EPSILON))
    is_idle = history.idle_s is not None and (
        now_s - history.idle_s + _EPSILON >= pace.to_zero_delay_s
    )
    if load.target <= 1 and is_idle:
        fewer = 0
    return min(fewer, load.target), history


def _with_peak(
    peaks: tuple[tuple[float, float], ...], need: float, window_s: float, now_s: float
) -> tuple[tuple[float, float], ...]:
    """Return the peaks of the window, this need included."""
    if peaks and now_s < peaks[-1][0]:
        end_s, highest = peaks[-1]
        return (*peaks[:-1], (end_s, max(highest, need)))
    recent = tuple(peak for peak in peaks if peak[0] > now_s - window_s)
    return (*recent, (now_s + window_s / PEAKS, need))
