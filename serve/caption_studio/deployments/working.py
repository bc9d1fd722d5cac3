"""What the stages' replicas have in common: direct calls, and a count of their answers."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import cached_property

from ray import serve
from ray.util import get_node_ip_address

from caption_studio.deployments.direct.frames import ADDRESS, Address
from caption_studio.deployments.direct.listener import DirectListener, Method
from caption_studio.limits import MAX_IN_FLIGHT
from caption_studio.observability.work import FINISHED, IN_FLIGHT, Work

MOST_CALLS = 4 * MAX_IN_FLIGHT
"""Calls in a replica at a time, of all gateways: as many as four of them let in."""


class Working:
    """Base of the stages' deployments."""

    def _methods(self) -> Mapping[str, Method]:
        """Return the methods that gateways call directly."""
        return {}

    async def record_replica_metadata(self) -> dict[str, Address]:
        """Take direct calls from now on; Serve tells the routers the address."""
        replica = serve.get_replica_context().replica_id.unique_id
        self._address = await self._direct.start(get_node_ip_address(), replica)
        return {ADDRESS: self._address}

    async def address(self) -> Address:
        """Return where this replica takes direct calls."""
        return self._address

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Return what Serve's controller hands to `scaling.JointPolicy`."""
        return self._work.counters(FINISHED) | {IN_FLIGHT: float(self._direct.under_way)}

    @contextmanager
    def _working(self) -> Generator[None]:
        """Count a request as finished at its end, even if it failed."""
        try:
            yield
        finally:
            self._work.count(FINISHED)

    @cached_property
    def _direct(self) -> DirectListener:
        return DirectListener(self._methods(), most=MOST_CALLS)

    @cached_property
    def _work(self) -> Work:
        return Work()
