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

KNOWN = 0.5
"""Share of its parts in which the need must have been known before replicas are removed, and of the
gateways that must be heard of when it is done."""

UNKNOWN = -math.inf
"""The peak of a part in which no need was known."""

GAP_S = 60.0
"""A stage that nothing was heard of for so long may have had work meanwhile: it was not idle."""

_EPSILON = 1e-9
"""Tolerance: a need of 2 that floating point made 2.0000000001 is no need of 3."""


@dataclass(frozen=True, slots=True)
class History:
    """What a deployment needed lately.

    `rising_s` is since when it has wanted more without a break, `rising` its need then. `peaks` are
    the highest needs by the end of their part of the window. `idle_s` is since when it has had no
    work, as all gateways said last at `heard_s`. None: not now.
    """

    began_s: float
    rising_s: float | None = None
    rising: float = 0.0
    peaks: tuple[tuple[float, float], ...] = ()
    idle_s: float | None = None
    heard_s: float = -math.inf


def paced(
    need: float | None, load: Load, pace: Pace, history: History, now_s: float
) -> tuple[int, History]:
    """Return the replicas to have from now on, and the history for the next decision.

    An unknown need changes nothing, and tells nothing. `now_s` never falls.
    """
    if need is None:
        peaks = _with_peak(history.peaks, UNKNOWN, pace.downscale_delay_s, now_s)
        wanted, history = load.target, replace(history, rising_s=None, peaks=peaks)
    else:
        history = _after(history, need, load, pace, now_s)
        if math.ceil(need - _EPSILON) > load.target:
            wanted, history = _more(need, load, pace, history, now_s)
        else:
            history = replace(history, rising_s=None)
            wanted = _fewer(load, pace, history, now_s)
    return max(load.min_replicas, min(load.max_replicas, wanted)), history


def _after(history: History, need: float, load: Load, pace: Pace, now_s: float) -> History:
    """Return the history with this need. Gateways that are not heard of may have work."""
    peaks = _with_peak(history.peaks, need, pace.downscale_delay_s, now_s)
    if need > 0:
        return replace(history, peaks=peaks, idle_s=None)
    if load.heard < 1:
        return replace(history, peaks=peaks)
    was_idle = history.idle_s is not None and now_s - history.heard_s <= GAP_S
    idle_s = history.idle_s if was_idle else now_s
    return replace(history, peaks=peaks, idle_s=idle_s, heard_s=now_s)


def _more(
    need: float, load: Load, pace: Pace, history: History, now_s: float
) -> tuple[int, History]:
    since_s = history.rising_s
    if since_s is None or need < FALLING * history.rising:
        history = replace(history, rising_s=now_s, rising=need)
        since_s = now_s
    delay_s = pace.upscale_delay_s if load.target else 0.0
    if now_s - since_s + _EPSILON < delay_s:
        return load.target, history
    return math.ceil(need - _EPSILON), replace(history, rising_s=None)


def _fewer(load: Load, pace: Pace, history: History, now_s: float) -> int:
    """Return the target, or fewer if the window and what is heard now allow it."""
    known = sum(peak > UNKNOWN for _, peak in history.peaks)
    if load.heard < KNOWN or known < KNOWN * len(history.peaks):
        return load.target
    if now_s - history.began_s + _EPSILON < pace.downscale_delay_s:
        return load.target
    highest = max(peak for _, peak in history.peaks)
    fewer = max(1, math.ceil(highest * (1 + pace.dead_band) - _EPSILON))
    if load.target <= 1 and load.heard >= 1 and _has_been_idle(pace, history, now_s):
        fewer = 0
    return min(fewer, load.target)


def _has_been_idle(pace: Pace, history: History, now_s: float) -> bool:
    since_s = history.idle_s
    return since_s is not None and now_s - since_s + _EPSILON >= pace.to_zero_delay_s


def _with_peak(
    peaks: tuple[tuple[float, float], ...], need: float, window_s: float, now_s: float
) -> tuple[tuple[float, float], ...]:
    """Return the peaks of the window, this need included."""
    if peaks and now_s < peaks[-1][0]:
        end_s, highest = peaks[-1]
        return (*peaks[:-1], (end_s, max(highest, need)))
    recent = tuple(peak for peak in peaks if peak[0] > now_s - window_s)
    return (*recent, (now_s + window_s / PEAKS, need))
