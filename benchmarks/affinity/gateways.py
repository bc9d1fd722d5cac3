"""The gateways' end: actors that send a trace by handles, each with a router of its own."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil
import ray
from ray.serve.handle import DeploymentHandle

from benchmarks.affinity.figures import Sent, What
from benchmarks.affinity.traces import Trace
from caption_studio.records import Adapter, Pixels, Prompt, Sampling

SIZE_PX = 64
"""The embedded describer's input."""

GATEWAYS = 2


@dataclass(frozen=True)
class Target:
    """An application by its name, which takes pictures or else prompts."""

    name: str
    handle: DeploymentHandle
    pictures: bool


class Gateway:
    """Sends its part of a trace; `salt` makes the pictures new."""

    async def send(self, to: Target, trace: Trace, salt: int, start_s: float) -> Sent:
        """Send the trace, which begins at `start_s` of the machine's monotonic clock."""
        handle = to.handle.options(_by_reference=False)
        method = handle.describe if to.pictures else handle.complete
        what: What = "repeats" if to.pictures else "adapters"
        asked = [argument(item, what, salt) for item in trace.items]
        latencies_s: list[float] = []
        said: Counter[str] = Counter()

        async def one(due_s: float, argument: Pixels | Prompt) -> None:
            await asyncio.sleep(max(0.0, start_s + due_s - time.monotonic()))
            said[await method.remote(argument)] += 1
            latencies_s.append(time.monotonic() - start_s - due_s)

        before_s = time.process_time()
        await asyncio.gather(*map(one, trace.due_s, asked))
        return Sent(latencies_s, said, time.process_time() - before_s)


def send(gateways: list[Any], to: Target, trace: Trace, salt: int) -> Sent:
    """Send a trace through all gateways; the CPU time is theirs and that of the replicas."""
    start_s = time.monotonic() + 0.5
    with _cpu_of(to.name) as at_replicas:
        parts = ray.get(
            [
                gateway.send.remote(to, trace.part(number, len(gateways)), salt, start_s)
                for number, gateway in enumerate(gateways)
            ]
        )
    said = sum((part.said for part in parts), Counter[str]())
    latencies_s = [latency_s for part in parts for latency_s in part.latencies_s]
    return Sent(latencies_s, said, sum(part.cpu_s for part in parts) + sum(at_replicas))


def started() -> list[Any]:
    """Return the gateways: actors, which end with Ray."""
    kind = ray.remote(num_cpus=0, max_concurrency=1024)(Gateway)
    return [kind.remote() for _ in range(GATEWAYS)]


@contextmanager
def _cpu_of(application: str) -> Iterator[list[float]]:
    """Give a list that at the end has the CPU seconds of each replica of an application."""
    found = [
        process
        for process in psutil.process_iter()
        if f"ServeReplica:{application}:" in " ".join(_command(process))
    ]
    before = [process.cpu_times() for process in found]
    spent: list[float] = []
    yield spent
    for process, then in zip(found, before, strict=True):
        now = process.cpu_times()
        spent.append(now.user + now.system - then.user - then.system)


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def argument(item: int, what: What, salt: int = 0) -> Pixels | Prompt:
    """Return the picture of this number, or a prompt for the adapter of this number."""
    if what != "adapters":
        start = item.to_bytes(4) + salt.to_bytes(4)
        return Pixels(start + bytes(3 * SIZE_PX**2 - len(start)), SIZE_PX, SIZE_PX)
    name = f"adapter-{item}"
    sampling = Sampling(temperature=1.0, top_p=1.0, max_tokens=25)
    return Prompt("r", name, "a picture", sampling, "quoted", adapter=Adapter(name, "folder"))
