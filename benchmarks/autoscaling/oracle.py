"""A policy that knows the trace: replicas are there when the load comes, and go when it goes.

No schedule is proved to be the best. The oracle is the cheapest of several, each made from the
trace itself, so the best possible costs at most as much.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.autoscaling.reports import DESCRIBER, GATEWAY, STAGES, View
from benchmarks.autoscaling.service import Policy, StageSpec, System
from benchmarks.autoscaling.traces import Trace

FULL = (0.75, 0.9)
"""How much of their full rate the replicas are to carry."""

HOLD_S = (0, 40)
"""A replica that is needed again so soon is not stopped."""

SMOOTH_S = 3

Demand = NDArray[np.float64]


def schedules(system: System, trace: Trace) -> Iterator[Policy]:
    """Yield the candidates."""
    demands = {name: busy(name, system, trace) for name in STAGES}
    for full in FULL:
        for hold_s in HOLD_S:
            yield _following(demands, system, full, hold_s)


def first_replicas(system: System, trace: Trace) -> dict[str, int]:
    """Return the replicas that all policies start from: what the first half minute needs."""
    return {
        name: max(
            system.of(name).min_replicas,
            int(np.ceil(busy(name, system, trace)[:30].mean() / FULL[1])),
        )
        for name in STAGES
    }


def busy(name: str, system: System, trace: Trace) -> Demand:
    """Return for each second the replicas that its requests would keep fully busy."""
    seconds = int(trace.until_s)
    at = np.minimum(np.array(trace.times_s).astype(int), seconds - 1)
    pictures = np.array(trace.pictures)
    if name == GATEWAY:
        gateway = system.gateway
        each = np.where(pictures, gateway.picture_s, gateway.text_s) / gateway.cpus
    else:
        stage = system.of(name)
        assert isinstance(stage, StageSpec)
        length = pictures.astype(float) if name == DESCRIBER else np.array(trace.work)
        each = length / max(stage.rates)
    work = np.bincount(at, weights=each, minlength=seconds)
    smooth = np.convolve(work, np.ones(SMOOTH_S) / SMOOTH_S, mode="same")
    return np.asarray(smooth, dtype=np.float64)


def _following(demands: dict[str, Demand], system: System, full: float, hold_s: int) -> Policy:
    plans = {}
    for name, demand in demands.items():
        ahead = int(np.ceil(system.of(name).start_s)) + hold_s + 1
        needed = np.ceil(demand / full)
        padded = np.concatenate((needed, np.zeros(ahead)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, ahead + 1)
        plans[name] = windows.max(axis=1).astype(int)

    def policy(view: View) -> dict[str, int]:
        second = int(view.now_s)
        return {name: int(plan[min(second, plan.size - 1)]) for name, plan in plans.items()}

    return policy
