"""A stage on an event loop of its own, for callers on many threads that bring batches.

Ray Data calls a worker from several threads at once. Their pictures meet in one engine here, which
needs one event loop, so it always has enough of them to fill its batch.
"""

import asyncio
import threading
from collections.abc import Sequence
from typing import Protocol

from caption_studio.offline.messages import Message

CLOSE_S = 5.0
"""How long `close` waits for the thread."""


class Stage(Protocol):
    """One step on a picture's way."""

    async def start(self) -> None:
        """Load what it needs. Raises `CaptionStudioError`, and whatever a library raises."""
        ...

    async def work(self, message: Message) -> Message:
        """Return the next message; one that is not for this stage is returned as it is.

        Raises `EngineDied` if the stage can do no more; a picture's failure is a `Done`.
        """
        ...

    def close(self) -> None:
        """Release what `start` has loaded; idempotent."""
        ...


class StageLoop:
    """A stage that has started, and the thread of its event loop."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="stage", daemon=True)

    def start(self) -> None:
        """Start the thread, and the stage on it. Raises what `Stage.start` does."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._stage.start(), self._loop).result()

    def work(self, messages: Sequence[Message]) -> list[Message]:
        """Return what becomes of the messages, in their order; from any thread."""
        return asyncio.run_coroutine_threadsafe(self._work(messages), self._loop).result()

    def close(self) -> None:
        """Close the stage and end its thread; idempotent."""
        if self._loop.is_closed():
            return
        self._stage.close()
        if self._thread.ident is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(CLOSE_S)
        if not self._loop.is_running():
            self._loop.close()

    async def _work(self, messages: Sequence[Message]) -> list[Message]:
        return list(await asyncio.gather(*map(self._stage.work, messages)))
