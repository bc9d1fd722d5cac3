"""Serve handles as the pipeline's stages; Ray's exceptions are translated here.

A method of a handle is itself a handle, which Serve makes anew at each access (2.60.0, a twentieth
of a gateway's time). So the method handles that requests use are cached.

If a replica dies during a call, the call is repeated once, unless part of its answer has already
been passed on. Serve then routes it to another replica, or holds it until there is one. A repeated
call is harmless at both stages. Deadlines are left to the caller.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import aclosing, contextmanager
from functools import cached_property, partial
from typing import Any, TypeVar

from ray.exceptions import RayActorError, RayTaskError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle

from caption_studio.deployments.streaming.listener import Live, RelayListener
from caption_studio.deployments.streaming.packed import Packed, unpack
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

T = TypeVar("T")


class DescriberHandle:
    """`protocols.Describer` over the describer's deployment."""

    def __init__(self, handle: DeploymentHandle, is_asleep: IsAsleep) -> None:
        self._handle = handle
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
        with _translated("describer"):
            described: Described = await _twice_if_lost(
                lambda: self._describe.remote(pixels, request_id, traceparent, request_class)
            )
            return described

    async def check_ready(self) -> None:
        """See `protocols.Describer`."""
        await _check_ready("describer", self._handle, self._is_asleep)

    @cached_property
    def _describe(self) -> DeploymentHandle:
        return self._handle.describe


class CaptionerHandle:
    """`protocols.Captioner` over the captioner's deployment; `relay` delivers streams."""

    def __init__(self, handle: DeploymentHandle, relay: RelayListener, is_asleep: IsAsleep) -> None:
        self._handle = handle
        self._relay = relay
        self._is_asleep = is_asleep

    async def generate(self, prompt: Prompt, *, stream: bool) -> AsyncGenerator[DeltaGroup]:
        """See `protocols.Captioner`."""
        with _translated("captioner"):
            if not stream:
                whole: Packed = await _twice_if_lost(lambda: self._complete.remote(prompt))
                (group,) = await unpack(whole)
                yield group
                return
            for is_last in (False, True):
                yielded = False
                try:
                    async with aclosing(self._streamed(prompt)) as groups:
                        async for group in groups:
                            yield group
                            yielded = True
                    return
                except RayActorError:
                    if yielded or is_last:
                        raise

    async def _streamed(self, prompt: Prompt) -> AsyncGenerator[DeltaGroup]:
        with self._relay.live() as live:
            call = self._stream.remote(prompt, live.ticket)
            whole = asyncio.ensure_future(_awaited(call))
            whole.add_done_callback(partial(_end, live))
            try:
                yielded = 0
                async for group in live:
                    yield group
                    yielded += 1
                packed: Packed = await whole
                if packed.number > yielded:
                    for group in (await unpack(packed))[yielded:]:
                        yield group
            finally:
                whole.cancel()
                call.cancel()  # no effect on one that has ended

    async def load_adapter(self, adapter: Adapter) -> Adapter:
        """See `protocols.Captioner`."""
        with _translated("captioner"):
            loaded: Adapter = await self._handle.load_adapter.remote(adapter)
            return loaded

    async def check_ready(self) -> None:
        """See `protocols.Captioner`."""
        await _check_ready("captioner", self._handle, self._is_asleep)

    @cached_property
    def _complete(self) -> DeploymentHandle:
        return self._handle.complete

    @cached_property
    def _stream(self) -> DeploymentHandle:
        return self._handle.stream


async def _twice_if_lost(call: Callable[[], Awaitable[T]]) -> T:
    """Return the call's result; if its replica dies first, call once more."""
    try:
        return await call()
    except RayActorError:
        return await call()


def _end(live: Live, whole: asyncio.Future[Any]) -> None:
    if not whole.cancelled():
        whole.exception()  # else asyncio logs it as never retrieved if the reader has gone
    live.end()


async def _awaited(response: Awaitable[Any]) -> Any:
    return await response


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
    except (RayActorError, DeploymentUnavailableError) as error:
        raise NotReady(f"The {stage} is being replaced.", retry_after_s=RETRY_AFTER_S) from error
    except Exception as error:  # by gRPC, a stage's exception arrives unchanged
        raise EngineFailure(f"The {stage} failed on this request.") from error
