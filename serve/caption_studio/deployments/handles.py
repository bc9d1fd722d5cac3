"""The stages' deployments as the pipeline's stages; their failures are translated here.

If a replica dies during a call, the call is repeated once, unless part of its answer has already
been passed on. The call then goes to another replica, or waits until there is one. A repeated
call is harmless at both stages. Deadlines are left to the caller.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, contextmanager

import msgspec
from ray.exceptions import RayActorError, RayTaskError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle

from caption_studio.deployments.direct.connection import Connections, ReplicaLost
from caption_studio.deployments.direct.pieces import groups_of
from caption_studio.deployments.direct.stage import StageReplicas
from caption_studio.errors import (
    RETRY_AFTER_S,
    CaptionStudioError,
    EngineFailure,
    NotReady,
    Overloaded,
)
from caption_studio.records import (
    Adapter,
    DeltaGroup,
    Described,
    Pixels,
    Prompt,
    RequestClass,
)

READY_TIMEOUT_S = 2.0
"""Limit on a readiness check, because a call waits while no replica is up."""

IsAsleep = Callable[[str], bool]
"""Whether a deployment has no replica on purpose (deployments.scaling_to_zero). Blocking."""

LOST = (ReplicaLost, RayActorError)

_decode_described = msgspec.msgpack.Decoder(Described).decode


class DescriberHandle:
    """`protocols.Describer` over the describer's deployment."""

    def __init__(
        self, handle: DeploymentHandle, connections: Connections, is_asleep: IsAsleep
    ) -> None:
        self._handle = handle
        self._replicas = StageReplicas(handle, connections)
        self._is_asleep = is_asleep

    async def describe(
        self,
        pixels: Pixels,
        *,
        request_id: str,
        traceparent: str | None,
        request_class: RequestClass,
    ) -> Described:
        """See `protocols.Describer`."""
        asked = (pixels, request_id, traceparent, request_class)
        with _translated("describer"):
            try:
                return await self._described(*asked)
            except LOST:
                return await self._described(*asked)

    async def check_ready(self) -> None:
        """See `protocols.Describer`."""
        await _check_ready("describer", self._handle, self._is_asleep)

    async def _described(self, *asked: object) -> Described:
        async with self._replicas.ask("describe", *asked) as answer:
            described: Described = _decode_described(await anext(answer))
            return described


class CaptionerHandle:
    """`protocols.Captioner` over the captioner's deployment."""

    def __init__(
        self, handle: DeploymentHandle, connections: Connections, is_asleep: IsAsleep
    ) -> None:
        self._handle = handle
        self._replicas = StageReplicas(handle, connections)
        self._is_asleep = is_asleep

    async def generate(self, prompt: Prompt, *, stream: bool) -> AsyncGenerator[DeltaGroup]:
        """See `protocols.Captioner`."""
        with _translated("captioner"):
            for is_last in (False, True):
                yielded = False
                try:
                    async with self._replicas.ask("generate", prompt, stream) as answer:
                        async with aclosing(groups_of(answer)) as groups:
                            async for group in groups:
                                yield group
                                yielded = True
                    return
                except LOST:
                    if yielded or is_last:
                        raise

    async def load_adapter(self, adapter: Adapter) -> Adapter:
        """See `protocols.Captioner`."""
        with _translated("captioner"):
            loaded: Adapter = await self._handle.load_adapter.remote(adapter)
            return loaded

    async def check_ready(self) -> None:
        """See `protocols.Captioner`."""
        await _check_ready("captioner", self._handle, self._is_asleep)


async def _check_ready(stage: str, handle: DeploymentHandle, is_asleep: IsAsleep) -> None:
    """Ask a replica. A sleeping stage counts as ready and is not asked, as that would wake it."""
    not_ready = NotReady(f"The {stage} is starting.", retry_after_s=RETRY_AFTER_S)
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            with _translated(stage):
                if not await asyncio.to_thread(is_asleep, handle.deployment_name):
                    await handle.check_ready.remote()
    except TimeoutError as error:
        raise not_ready from error


@contextmanager
def _translated(stage: str) -> Generator[None]:
    try:
        yield
    except RayTaskError as error:
        # The stage raised, and the result came by an actor call. Ray's exception is also of the
        # cause's class, but its class attributes differ from the original's.
        if isinstance(error.cause, CaptionStudioError):
            raise error.cause from None
        raise EngineFailure(f"The {stage} failed on this request.") from error
    except CaptionStudioError:
        raise
    except BackPressureError as error:
        raise Overloaded(
            "The service is full. Try again soon.", retry_after_s=RETRY_AFTER_S
        ) from error
    except (*LOST, DeploymentUnavailableError) as error:
        raise NotReady(f"The {stage} is being replaced.", retry_after_s=RETRY_AFTER_S) from error
    except Exception as error:
        raise EngineFailure(f"The {stage} failed on this request.") from error
