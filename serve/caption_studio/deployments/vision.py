"""The describer's deployment: one GIT a replica, batching what arrives together."""

from concurrent.futures import ThreadPoolExecutor

from ray import serve

from caption_studio.observability import logging as studio_logging
from caption_studio.records import Described, Pixels
from caption_studio.settings import Settings
from caption_studio.vision.batches import Batches


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
        worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="git")
        self._batches = Batches(self._git.describe, worker, max_size=settings.vision.max_batch_size)

    async def describe(self, pixels: Pixels, request_id: str) -> Described:
        """Return what is in one picture."""
        studio_logging.request_id.set(request_id)
        return await self._batches.submit(pixels)

    async def check_ready(self) -> None:
        """Return: a replica that answers is ready."""


# Twice a batch: one in the model, one gathering. More wait in the gateways' handles.
describer_deployment = serve.deployment(
    ray_actor_options={"num_cpus": 0.5}, max_ongoing_requests=128, max_queued_requests=512
)(Describer)
