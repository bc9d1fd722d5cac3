"""One stage's replicas, as a gateway calls them: one is chosen for each call, and asked directly.

The stage's router, which Serve keeps up to date, chooses (`routing.router`). As long as it knows no
replica that can be reached, a call by the Serve handle asks for one: Serve holds it until there is
one, bounds how many wait, and starts a replica for a stage that sleeps.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property

from ray.exceptions import RayActorError
from ray.serve.handle import DeploymentHandle

from caption_studio.deployments.direct.connection import Answer, Connections
from caption_studio.deployments.direct.frames import Address
from caption_studio.deployments.routing import known


class StageReplicas:
    """The replicas of `handle`'s deployment, over `connections`."""

    def __init__(self, handle: DeploymentHandle, connections: Connections) -> None:
        self._handle = handle
        self._connections = connections

    @asynccontextmanager
    async def ask(self, method: str, *arguments: object) -> AsyncIterator[Answer]:
        """Call a method; the first argument decides which replica is likely to know the answer.

        Raises `ReplicaLost`, and what the handle's call for an address raises.
        """
        address = await self._address(arguments[0])
        router = self._router
        if router is not None:
            router.begun(address.replica)
        try:
            connection = await self._connections.to(address)
            answer = connection.ask(method, arguments)
            try:
                yield answer
            finally:
                answer.close()
        finally:
            if router is not None:
                router.ended(address.replica)

    async def _address(self, asked: object) -> Address:
        if (router := self._router) is not None:
            for shunned in (self._connections.is_quiet, self._connections.is_lost):
                if (chosen := router.pick(asked, shunned)) is not None:
                    return chosen
        try:
            found: Address = await self._find.remote()
        except RayActorError:  # that replica has died; Serve asks another one
            found = await self._find.remote()
        return found

    @property
    def _router(self) -> known.Router | None:
        """The stage's router; Serve makes it at the first call by the handle."""
        return known.routers.get(self._handle.deployment_id)

    @cached_property
    def _find(self) -> DeploymentHandle:
        return self._handle.address
