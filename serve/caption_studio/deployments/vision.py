"""The describer's deployment: one GIT a replica, batching what arrives together."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from ray import serve

from caption_studio.observability import logging as studio_logging
from caption_studio.records import Description, Pixels
from caption_studio.settings import Settings


class Describer:
    """Describes pictures; the replica is up when its model is loaded."""

    def __init__(self, settings: Settings) -> None:
        # Here and not above: torch takes seconds to import, and the processes that only bind
        # or call this deployment need none of it.
        from caption_studio.vision.git import GitDescriber

        studio_logging.configure(settings.logging)
        self._git = GitDescriber(settings.vision)
        self._git.load()
        # One thread: the model takes one batch at a time, and the event loop goes on.
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="git")
        self._describe_batch.set_max_batch_size(settings.vision.max_batch_size)
        self._describe_batch.set_batch_wait_timeout_s(settings.vision.batch_wait_timeout_s)

    async def describe(self, pixels: Pixels, request_id: str) -> Description:
        """Return what is in one picture."""
        studio_logging.request_id.set(request_id)
        description: Description = await self._describe_batch(pixels)
        return description

    async def check_ready(self) -> None:
        """Return: a replica that answers is ready."""

    @serve.batch
    async def _describe_batch(self, batch: list[Pixels]) -> list[Description]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, self._git.describe, batch)


# Twice a batch: one in the model, one gathering. More wait in the gateways' handles.
describer_deployment = serve.deployment(
    ray_actor_options={"num_cpus": 0.5}, max_ongoing_requests=128, max_queued_requests=512
)(Describer)
