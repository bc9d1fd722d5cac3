"""Transformers with fixed batches of up to 8 pictures, gathered for up to 50 ms.

The next batch starts when the last caption of the previous one is written.
"""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from fastapi import FastAPI

from benchmarks.peers.servers.arguments import parse
from benchmarks.peers.servers.caption_app import serve
from benchmarks.peers.servers.transformers_pair import Caption, FalconByGenerate, GitByGenerate

BATCH_SIZE = 8
BATCH_WAIT_S = 0.05

Waiting = tuple[bytes, asyncio.Future[Caption]]


class FixedBatches:
    """Gathers pictures and runs both models on each batch, in one worker thread."""

    def __init__(self, git: GitByGenerate, falcon: FalconByGenerate) -> None:
        self._git = git
        self._falcon = falcon
        self._queue: asyncio.Queue[Waiting] = asyncio.Queue()
        self._worker = ThreadPoolExecutor(max_workers=1)

    async def caption(self, picture: bytes) -> Caption:
        """Return the picture's caption after its batch has run."""
        answer: asyncio.Future[Caption] = asyncio.get_running_loop().create_future()
        await self._queue.put((picture, answer))
        return await answer

    async def run(self) -> None:
        """Serve batch after batch, forever."""
        loop = asyncio.get_running_loop()
        while True:
            batch = await self._gather()
            try:
                captions = await loop.run_in_executor(
                    self._worker, self._caption_all, [picture for picture, _ in batch]
                )
            except Exception as error:
                for _, answer in batch:
                    answer.set_exception(error)
                continue
            for (_, answer), caption in zip(batch, captions, strict=True):
                if not answer.done():  # its client may have left
                    answer.set_result(caption)

    async def _gather(self) -> list[Waiting]:
        batch = [await self._queue.get()]
        try:
            async with asyncio.timeout(BATCH_WAIT_S):
                while len(batch) < BATCH_SIZE:
                    batch.append(await self._queue.get())
        except TimeoutError:
            pass
        return batch

    def _caption_all(self, pictures: list[bytes]) -> list[Caption]:
        return self._falcon.caption(self._git.describe(pictures))


def main() -> None:
    """Load both models and serve them until a signal."""
    arguments = parse()
    batches = FixedBatches(
        GitByGenerate(arguments.git), FalconByGenerate(arguments.falcon, arguments.adapter)
    )

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(batches.run())
        yield
        task.cancel()

    serve(batches.caption, model_id=arguments.model_id, port=arguments.port, lifespan=running)


if __name__ == "__main__":
    main()
