"""`python -m benchmarks.affinity`: both routers and the real cache in one process.

Serve's routing loop, our router, Serve's own and the cache of descriptions are the real ones. Calls
are coroutines in place of messages, and time is `clock`'s, so the machine has no say in hits and
latencies: they show what the choice of a replica does, and nothing of processes.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from ray.serve._private.common import (
    DeploymentHandleSource,
    DeploymentID,
    ReplicaID,
    RequestMetadata,
)
from ray.serve._private.request_router import PowerOfTwoChoicesRequestRouter
from ray.serve.request_router import PendingRequest, RequestRouter

from benchmarks.affinity import clock
from benchmarks.affinity.figures import Case, Sent, What, lines, row
from benchmarks.affinity.stages import BASE_S, EACH_S, ROOM, Captioner, Describer, Way
from benchmarks.affinity.traces import Trace, fresh, zipf
from benchmarks.hardware import describe
from caption_studio.deployments.direct.frames import ADDRESS, Address
from caption_studio.deployments.routing.router import AdapterRouter, AffinityRouter, PictureRouter
from caption_studio.limits import MAX_IN_FLIGHT
from caption_studio.records import Adapter, Pixels, Prompt, Sampling

RESULTS = Path(__file__).parents[1] / "results"
REPLICAS = (1, 2, 4, 8)
GATEWAYS = 2
RATE_PER_S = 200.0
SECONDS = 10.0
REPEATS = 3
PICTURES = 1_000
ADAPTERS = 16
EXPONENT = 0.8
"""Of popularity. Breslau et al., "Web caching and Zipf-like distributions" (1999), found 0.64 to
0.83 in the traces of six web proxies."""
SIZE_PX = 64
"""The embedded describer's input."""
SHARES = {"light": 0.1, "heavy": 0.8}
"""Of what describers bear that take one picture at a time: there a batch makes up for no queue."""

DEPLOYMENT = DeploymentID("Stage", "affinity")


@dataclass(eq=False)
class Replica:
    """What a router asks of a replica, around a stage."""

    replica_id: ReplicaID
    stage: Describer | Captioner
    max_ongoing_requests: int = MAX_IN_FLIGHT
    ongoing: int = field(default=0, init=False)
    node_id: str = "node"
    availability_zone: str | None = None
    multiplexed_model_ids: frozenset[str] = frozenset()

    @property
    def replica_metadata(self) -> dict[str, Address]:
        """Where it takes direct calls; here nobody connects."""
        name = self.replica_id.unique_id
        return {ADDRESS: Address(name, "", 0, b"")}

    async def get_queue_len(self, *, deadline_s: float) -> int:
        """Return the requests in progress."""
        return self.ongoing

    async def answer(self, asked: Pixels | Prompt) -> str:
        """Return what the stage did."""
        if isinstance(self.stage, Describer):
            return await self.stage.describe(asked)  # type: ignore[arg-type]
        return await self.stage.complete(asked)  # type: ignore[arg-type]


async def send(case: Case, trace: Trace) -> Sent:
    """Send a trace through the gateways' routers; the CPU time is all of this process's."""
    fleet = [
        Replica(ReplicaID(f"replica{number}", DEPLOYMENT), _stage(case.what))
        for number in range(case.replicas)
    ]
    routers = [_router(case, fleet) for _ in range(GATEWAYS)]
    await asyncio.sleep(1.0)  # the routers ask each replica for its load
    said: Counter[str] = Counter()
    latencies_s: list[float] = []
    loop = asyncio.get_running_loop()
    start_s, begun_s = loop.time(), time.process_time()

    async def one(number: int, due_s: float, item: int) -> None:
        await asyncio.sleep(start_s + due_s - loop.time())
        asked = argument(item, case.what)
        said[await _call(routers[number % GATEWAYS], asked, str(number))] += 1
        latencies_s.append(loop.time() - start_s - due_s)

    numbers = range(len(trace.items))
    await asyncio.gather(*map(one, numbers, trace.due_s, trace.items))
    return Sent(latencies_s, said, time.process_time() - begun_s)


async def _call(router: RequestRouter, asked: Pixels | Prompt, request_id: str) -> str:
    """Call as a gateway does, or as Serve does (ray/serve/_private/router.py, 2.60)."""
    if isinstance(router, AffinityRouter):
        return await _call_directly(router, asked)
    metadata = RequestMetadata(request_id=request_id, internal_request_id=request_id)
    pending = PendingRequest(args=[asked], kwargs={}, metadata=metadata)
    replica = await router._choose_replica_for_request(pending)
    router.on_send_request(replica.replica_id)
    replica.ongoing += 1
    router.on_new_queue_len_info(replica.replica_id, replica.ongoing)
    try:
        said: str = await replica.answer(asked)
    finally:
        replica.ongoing -= 1
        router.decrement_queue_len_cache(replica.replica_id)
        router.on_request_completed(replica.replica_id, request_id)
    return said


async def _call_directly(router: AffinityRouter, asked: Pixels | Prompt) -> str:
    address = router.pick(asked, lambda _: False)
    assert address is not None
    replica: Any = router.curr_replicas[ReplicaID(address.replica, DEPLOYMENT)]
    router.begun(address.replica)
    try:
        said: str = await replica.answer(asked)
    finally:
        router.ended(address.replica)
    return said


def argument(item: int, what: What) -> Pixels | Prompt:
    """Return the picture of this number, or a prompt for the adapter of this number."""
    if what != "adapters":
        return Pixels(item.to_bytes(4) + bytes(3 * SIZE_PX**2 - 4), SIZE_PX, SIZE_PX)
    name = f"adapter-{item}"
    sampling = Sampling(temperature=1.0, top_p=1.0, max_tokens=25)
    return Prompt("r", name, "a picture", sampling, "quoted", adapter=Adapter(name, "folder"))


def _stage(what: What) -> Describer | Captioner:
    if what == "adapters":
        return Captioner()
    return Describer(most=1) if what in SHARES else Describer()


def _router(case: Case, fleet: list[Replica]) -> RequestRouter:
    ours = AdapterRouter if case.what == "adapters" else PictureRouter
    kind = ours if case.way == "affinity" else PowerOfTwoChoicesRequestRouter
    router = kind(
        deployment_id=DEPLOYMENT,
        handle_source=DeploymentHandleSource.REPLICA,
        use_replica_queue_len_cache=True,
        get_curr_time_s=asyncio.get_running_loop().time,
    )
    router.initialize_state(room=ROOM, remembers=True)
    router.update_replicas(fleet)
    return router


def trace_of(what: What, replicas: int, seconds: float, seed: int = 0) -> Trace:
    """Return the trace, the same for each way."""
    if what in SHARES:
        rate_per_s = SHARES[what] * replicas / (BASE_S + EACH_S)
        return fresh(seed, rate_per_s=rate_per_s, seconds=seconds)
    if what == "fresh":
        return fresh(seed, rate_per_s=RATE_PER_S, seconds=seconds)
    items = ADAPTERS if what == "adapters" else PICTURES
    return zipf(seed, rate_per_s=RATE_PER_S, seconds=seconds, items=items, exponent=EXPONENT)


def measure(seconds: float, repeats: int) -> list[dict[str, Any]]:
    """Return the rows of all cases."""
    random.seed(0)  # Serve's routers draw from this source
    rows = []
    for what in get_args(What):
        for replicas in REPLICAS:
            traces = [trace_of(what, replicas, seconds, seed) for seed in range(repeats)]
            for way in get_args(Way):
                case = Case(what, replicas, way)
                rows.append(row(case, traces, [clock.run(send(case, one)) for one in traces]))
    return rows


def main() -> int:
    """Compute, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.affinity")
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="DIR")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each trace")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="of each, with other traces")
    options = parser.parse_args()
    rows = measure(options.seconds, options.repeats)
    print("\n".join(lines(rows)))
    result = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "rate_per_s": RATE_PER_S,
        "pictures": PICTURES,
        "adapters": ADAPTERS,
        "exponent": EXPONENT,
        "shares": SHARES,
        "figures": rows,
        "environment": asdict(describe()),
    }
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "affinity.json").write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
