"""Traces and policies → bills; tuned on the tuning traces, compared on the others."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.autoscaling import oracle
from benchmarks.autoscaling.cost import GATEWAY_SHARE, Bill
from benchmarks.autoscaling.curves import Curve
from benchmarks.autoscaling.policies import POLICIES, Tuning
from benchmarks.autoscaling.reports import CAPTIONER, DESCRIBER, GATEWAY
from benchmarks.autoscaling.service import Outcome, Policy, StageSpec, System
from benchmarks.autoscaling.system import simulate
from benchmarks.autoscaling.traces import TEST, TEST_SEEDS, TUNING, TUNING_SEEDS, Kind, Trace, draw

PART = 8
"""One replica of the simulation is an eighth of a measured engine, and of a gateway's rate: as slow
for a request, for an eighth of them. A trace of ten minutes then has 25,000 requests and not ten
times as many."""

STARTS_S = {DESCRIBER: 14.0, CAPTIONER: 28.0}
"""Measured with the embedded models, node included (results/cluster/real-engines.json)."""

MAX_ONGOING = 512 // PART

SHARES = (0.2, 0.4, 0.6, 0.8)
"""Targets of a stage that are tried: shares of what an engine was measured to hold."""

DOWNSCALE_S = (30.0, 60.0, 120.0, 300.0)
"""Windows that are tried; the last is the default of the HorizontalPodAutoscaler."""

GATEWAY_CPUS = (1.0, 1.3, 1.6)
GATEWAY_ONGOING = (16.0, 32.0, 48.0)
"""Targets of a gateway that are tried, of 2 CPUs and 64 places."""

ROUNDS = 2


def system_of(curves: Mapping[str, Curve]) -> System:
    """Return the simulated service of measured engines."""
    stages = {
        name: StageSpec(curves[name].divided(PART), STARTS_S[name], max_ongoing=MAX_ONGOING)
        for name in (DESCRIBER, CAPTIONER)
    }
    return System(stages[DESCRIBER], stages[CAPTIONER])


def caption_s(system: System) -> float:
    """Return the replica-seconds of one caption at full rate, at the price of each deployment."""
    gateway = system.gateway
    return (
        1 / max(system.describer.rates)
        + 1 / max(system.captioner.rates)
        + GATEWAY_SHARE * gateway.picture_s / gateway.cpus
    )


def bill(system: System, outcome: Outcome) -> Bill:
    """Return what a run costs."""
    replica_s = (
        outcome.replica_s(DESCRIBER)
        + outcome.replica_s(CAPTIONER)
        + GATEWAY_SHARE * outcome.replica_s(GATEWAY)
    )
    requests = len(outcome.trace.times_s)
    return Bill(replica_s, outcome.missed, requests, caption_s(system))


def traces(system: System, kinds: Mapping[str, Kind], seeds: Sequence[int]) -> list[Trace]:
    """Return a trace of each kind and seed."""
    per_s = max(system.captioner.rates)
    return [
        draw(name, kind, seed + 10 * number, per_s)
        for number, (name, kind) in enumerate(kinds.items())
        for seed in seeds
    ]


def tuning_traces(system: System) -> list[Trace]:
    """Return the traces that policies may be tuned on."""
    return traces(system, TUNING, TUNING_SEEDS)


def test_traces(system: System) -> list[Trace]:
    """Return the traces of the comparison."""
    return traces(system, TEST, TEST_SEEDS)


def run(system: System, trace: Trace, policy: Policy) -> Outcome:
    """Run a trace under a policy; all policies start from the same replicas."""
    return simulate(system, trace, policy, oracle.first_replicas(system, trace))


def choices(name: str, system: System) -> dict[str, tuple[float, ...]]:
    """Return the values that are tried for each thing that a policy's `Tuning` holds."""
    targets = tuple(share * (len(system.captioner.rates) - 1) for share in SHARES)
    return {
        "captioner": targets,
        "describer": targets,
        "downscale_s": DOWNSCALE_S,
        "gateway": GATEWAY_ONGOING if name == "serve" else GATEWAY_CPUS,
    }


@dataclass(frozen=True)
class Tried:
    """A tuning and its mean cost over the tuning traces, relative to the cheapest replicas."""

    tuning: Tuning
    cost: float


def tuned(name: str, system: System, on: Iterable[Trace]) -> list[Tried]:
    """Return all tunings of a policy that were tried, the cheapest first.

    One thing after the other is set to its best value, twice around, from the second values on.
    """
    there = list(on)
    costs: dict[Tuning, float] = {}

    def cost(tuning: Tuning) -> float:
        if tuning not in costs:
            bills = [bill(system, run(system, trace, POLICIES[name](tuning))) for trace in there]
            each = [one.total_s / (one.requests * one.caption_s) for one in bills]
            costs[tuning] = sum(each) / len(each)
        return costs[tuning]

    tried = choices(name, system)
    best = Tuning(**{what: values[1] for what, values in tried.items()})
    for _ in range(ROUNDS):
        for what, values in tried.items():
            best = min((replace(best, **{what: value}) for value in values), key=cost)
    return sorted((Tried(tuning, paid) for tuning, paid in costs.items()), key=lambda one: one.cost)


def with_foresight(system: System, trace: Trace) -> tuple[Outcome, Bill]:
    """Return the oracle's run: the cheapest of its schedules."""
    runs = [run(system, trace, policy) for policy in oracle.schedules(system, trace)]
    bills = [bill(system, each) for each in runs]
    best = min(range(len(runs)), key=lambda number: bills[number].total_s)
    return runs[best], bills[best]
