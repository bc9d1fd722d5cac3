"""A measured run of the cluster through the simulation, with the replicas that it had.

No policy is asked: the recorded targets are replayed. So what differs is the simulation's fault.
"""

from bisect import bisect_right
from typing import Any

from benchmarks.autoscaling.reports import CAPTIONER, DESCRIBER, GATEWAY, View
from benchmarks.autoscaling.service import (
    GatewaySpec,
    Outcome,
    Policy,
    StageSpec,
    System,
    latencies_s,
)
from benchmarks.autoscaling.system import simulate
from benchmarks.autoscaling.traces import Trace
from benchmarks.cluster import models

QUANTILES = (0.5, 0.95, 0.99)
GATEWAYS = GatewaySpec(picture_s=0.01, max_in_flight=512, min_replicas=1)


def replayed(result: dict[str, Any]) -> Outcome:
    """Return what the simulation makes of a recorded run's arrivals and targets."""
    times_s = [sample[0] for sample in result["samples"]]
    until_s = sum(seconds for seconds, _ in result["experiment"]["phases"])
    count = len(times_s)
    trace = Trace(result["name"], times_s, [1.0] * count, [True] * count, float(until_s))
    least = 0 if result["experiment"]["to_zero"] else 1
    start = {GATEWAY: 1, DESCRIBER: least, CAPTIONER: least}
    return simulate(_stand_ins(), trace, _as_recorded(result["timeline"]), start)


def compared(result: dict[str, Any]) -> dict[str, list[float]]:
    """Return each quantile of the latency in seconds, measured and simulated."""
    measured = sorted(sample[1] for sample in result["samples"])
    simulated = latencies_s(replayed(result))
    return {
        f"p{share * 100:g}_s": [round(values[int(share * len(values))], 2) for values in pair]
        for share in QUANTILES
        for pair in [(measured, simulated)]
    }


def _stand_ins() -> System:
    stages = {}
    for name, model, load_s in (
        (DESCRIBER, models.DESCRIBER, models.DESCRIBER_LOAD_S),
        (CAPTIONER, models.CAPTIONER, models.CAPTIONER_LOAD_S),
    ):
        rates = [n / (model.base_s + model.each_s * n) for n in range(1, models.TOGETHER + 1)]
        start_s = models.PROCESS_START_S + load_s
        stages[name] = StageSpec((0.0, *rates), start_s, min_replicas=0)
    return System(stages[DESCRIBER], stages[CAPTIONER], GATEWAYS)


def _as_recorded(timeline: list[dict[str, Any]]) -> Policy:
    at_s = [line["t_s"] for line in timeline]

    def policy(view: View) -> dict[str, int]:
        line = timeline[max(0, bisect_right(at_s, view.now_s) - 1)]
        return {name: int(line[name]["target"]) for name in (GATEWAY, DESCRIBER, CAPTIONER)}

    return policy
