"""Traces and policies → bills; tuned on the tuning traces, compared on the others."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

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

SHARES = (0.4, 0.6)
"""Targets that are tried: shares of what an engine was measured to hold."""

DOWNSCALE_S = (60.0, 120.0)


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


def grid(system: System) -> list[Tuning]:
    """Return the tunings that are tried for every policy."""
    most = len(system.captioner.rates) - 1
    return [
        Tuning(share * most, downscale_s) for share, downscale_s in product(SHARES, DOWNSCALE_S)
    ]


@dataclass(frozen=True)
class Tried:
    """A tuning and its mean cost over the tuning traces, relative to the cheapest replicas."""

    tuning: Tuning
    cost: float


def tuned(name: str, system: System, on: Iterable[Trace]) -> list[Tried]:
    """Return all tunings of a policy, the cheapest first."""
    there = list(on)
    tried = []
    for tuning in grid(system):
        bills = [bill(system, run(system, trace, POLICIES[name](tuning))) for trace in there]
        costs = [each.total_s / (each.requests * each.caption_s) for each in bills]
        tried.append(Tried(tuning, sum(costs) / len(costs)))
    return sorted(tried, key=lambda each: each.cost)


def with_foresight(system: System, trace: Trace) -> tuple[Outcome, Bill]:
    """Return the oracle's run: the cheapest of its schedules."""
    runs = [run(system, trace, policy) for policy in oracle.schedules(system, trace)]
    bills = [bill(system, each) for each in runs]
    best = min(range(len(runs)), key=lambda number: bills[number].total_s)
    return runs[best], bills[best]
