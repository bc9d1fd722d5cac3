"""The two ends: a sender that measures its calls, and a receiver that looks at each picture."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

import ray
from ray import serve
from ray.serve.handle import DeploymentHandle
from ray.util import get_node_ip_address

from caption_studio.deployments.direct.connection import Connections
from caption_studio.deployments.direct.frames import Address
from caption_studio.deployments.direct.listener import DirectListener
from caption_studio.records import Pixels

Way = Literal["direct", "grpc", "actor", "store"]
"""Over a connection of our own (deployments.direct), as the service does. Or by a Serve handle:
inline in a gRPC message, inline in an actor call, or put into Ray's object store and named in an
actor call (gRPC takes no references). Ray itself moves an argument of an actor call to the object
store when it is larger than 100 KB."""


@dataclass(frozen=True)
class Calls:
    """Seconds of each of some calls, and the total CPU time of both replicas."""

    elapsed_s: float
    latencies_s: list[float]
    cpu_s: float


class Receiver:
    """The describer's end."""

    async def look(self, pixels: Pixels) -> int:
        """Return the picture's middle byte, as evidence that the picture arrived."""
        return pixels.data[len(pixels.data) // 2]

    async def look_directly(self, pixels: Pixels) -> AsyncGenerator[bytes]:
        """Yield the same."""
        yield bytes([await self.look(pixels)])

    async def address(self) -> Address:
        """Return where this replica takes direct calls from now on."""
        self._listener = DirectListener({"look": self.look_directly}, most=1024)
        return await self._listener.start(get_node_ip_address(), "receiver")

    async def cpu_s(self) -> float:
        """Return the CPU time that this replica has used."""
        return time.process_time()


class Sender:
    """The gateway's end."""

    def __init__(self, receiver: DeploymentHandle) -> None:
        self._receiver = receiver

    async def send(self, way: Way, size_px: int, in_flight: int, seconds: float) -> Calls:
        """Keep `in_flight` pictures of `size_px` x `size_px` in flight for `seconds`."""
        look = await self._look(way)
        pictures = [Pixels(os.urandom(3 * size_px**2), size_px, size_px) for _ in range(16)]
        latencies_s: list[float] = []
        before_s = await self._cpu_s()
        started_s = time.monotonic()

        async def caller(first: int) -> None:
            number = first
            while (begun_s := time.monotonic()) - started_s < seconds:
                pixels = pictures[number % len(pictures)]
                seen = await look(pixels)
                latencies_s.append(time.monotonic() - begun_s)
                if seen != pixels.data[len(pixels.data) // 2]:
                    raise AssertionError(f"another picture arrived by {way}")
                number += 1

        await asyncio.gather(*(caller(first) for first in range(in_flight)))
        elapsed_s = time.monotonic() - started_s
        return Calls(elapsed_s, latencies_s, await self._cpu_s() - before_s)

    async def _look(self, way: Way) -> Callable[[Pixels], Awaitable[int]]:
        handle = self._receiver.options(_by_reference=way != "grpc")
        connections = Connections()
        address: Address | None = None
        if way == "direct":
            address = await self._receiver.address.remote()

        async def look(pixels: Pixels) -> int:
            if address is not None:
                answer = (await connections.to(address)).ask("look", (pixels,))
                try:
                    return (await anext(answer))[0]
                finally:
                    answer.close()
            sent: Any = ray.put(pixels) if way == "store" else pixels
            seen: int = await handle.look.remote(sent)
            return seen

        return look

    async def _cpu_s(self) -> float:
        at_receiver: float = await self._receiver.cpu_s.remote()
        return time.process_time() + at_receiver


receiver_deployment = serve.deployment(max_ongoing_requests=1024)(Receiver)
sender_deployment = serve.deployment(Sender)
