"""The captioner's deployment: one vLLM engine a replica."""

from contextlib import aclosing

from ray import serve

from caption_studio.deployments.relay import DeltaGroup, Ticket
from caption_studio.deployments.relay_sender import RelaySender
from caption_studio.observability import logging as studio_logging
from caption_studio.records import Adapter, Prompt
from caption_studio.settings import Settings


class Captioner:
    """Continues prompts; the replica is up when model and adapters are loaded."""

    async def __init__(self, settings: Settings) -> None:  # type: ignore[misc]  # Serve awaits it
        # Here and not above: vLLM takes seconds to import, and the processes that only bind
        # or call this deployment need none of it.
        from caption_studio.language.engine import FalconEngine

        studio_logging.configure(settings.logging)
        self._engine = FalconEngine(settings.language, run_time_adapters=settings.gateway.has_admin)
        self._relay = RelaySender()
        await self._engine.start()

    async def stream(self, prompt: Prompt, ticket: Ticket) -> tuple[DeltaGroup, ...]:
        """Send the answer's groups ahead as they come; return them all."""
        studio_logging.request_id.set(prompt.request_id)
        sent: list[DeltaGroup] = []
        async with aclosing(self._engine.generate(prompt, stream=True)) as groups:
            async for group in groups:
                self._relay.send(ticket, len(sent), group)
                sent.append(group)
        return tuple(sent)

    async def complete(self, prompt: Prompt) -> DeltaGroup:
        """Return the whole answer, one delta a choice: one message between processes."""
        studio_logging.request_id.set(prompt.request_id)
        async with aclosing(self._engine.generate(prompt, stream=False)) as groups:
            return await anext(groups)

    async def load_adapter(self, adapter: Adapter) -> Adapter:
        """Get, check and load an adapter in this replica; return it with its digest."""
        return await self._engine.load_adapter(adapter)

    async def check_ready(self) -> None:
        """Raise `NotReady` unless the engine lives."""
        await self._engine.check_health()

    async def check_health(self) -> None:
        """Let Serve replace the replica when its engine is dead."""
        await self._engine.check_health()

    def __del__(self) -> None:
        self._engine.stop()


# Twice what one engine step holds: vLLM queues the rest itself and batches better for it.
captioner_deployment = serve.deployment(
    ray_actor_options={"num_cpus": 0.5}, max_ongoing_requests=256, max_queued_requests=512
)(Captioner)
