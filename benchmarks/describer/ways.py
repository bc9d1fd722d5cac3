"""Ways to describe pictures with one model: `generate()` in fixed batches, and our engine."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
import torch

from caption_studio.records import Pixels
from caption_studio.vision.engine import DescriberEngine
from caption_studio.vision.git import LoadedGit
from caption_studio.vision.prefix import PrefixEncoder

GATHER_S = 0.05
"""How long a fixed batch waits to fill, as in the peer `fixed-batches`."""

MAX_WAITING = 4096


class Way(Protocol):
    """Something that describes pictures."""

    async def describe(self, pixels: Pixels) -> object:
        """Return when the picture is described."""
        ...

    def close(self) -> None:
        """End its thread."""
        ...


class FixedBatches:
    """transformers' `generate()`: a batch starts when it is full, or 50 ms after its first picture.

    With size 1 it works as the 2023 notebook does, one by one. Without `use_cache` it computes each
    token from the picture anew. This is a correct reference even if a version of transformers
    counts positions wrongly with its cache, as 5.17 does for GIT.
    """

    def __init__(self, loaded: LoadedGit, size: int, *, use_cache: bool = True) -> None:
        self._loaded = loaded
        self._size = size
        self._use_cache = use_cache
        self._encoder = PrefixEncoder(loaded, most=size)
        self._worker = ThreadPoolExecutor(1)
        self._waiting: asyncio.Queue[tuple[Pixels, asyncio.Future[str]]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def describe(self, pixels: Pixels) -> str:
        """See `Way`."""
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((pixels, answer))
        return await answer

    def close(self) -> None:
        """See `Way`."""
        if self._task is not None:
            self._task.cancel()
        self._worker.shutdown()

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            batch = [await self._waiting.get()]
            until_s = loop.time() + GATHER_S
            while len(batch) < self._size and (left_s := until_s - loop.time()) > 0:
                try:
                    batch.append(await asyncio.wait_for(self._waiting.get(), left_s))
                except TimeoutError:
                    break
            texts = await loop.run_in_executor(
                self._worker, self.generate, [pixels for pixels, _ in batch]
            )
            for (_, answer), text in zip(batch, texts, strict=True):
                answer.set_result(text)

    @torch.inference_mode()
    def generate(self, batch: Sequence[Pixels]) -> list[str]:
        """Return upstream's descriptions."""
        git = self._loaded.git
        bytes_ = np.frombuffer(b"".join(pixels.data for pixels in batch), np.uint8)
        pictures = bytes_.reshape((len(batch), git.image_size_px, git.image_size_px, 3))
        on_device = torch.tensor(pictures, device=git.weight.device)
        token_ids = git.model.generate(
            pixel_values=self._encoder.pixel_values(on_device),
            max_length=git.max_length,
            do_sample=False,
            use_cache=self._use_cache,
        )
        texts: list[str] = self._loaded.tokenizer.batch_decode(token_ids, skip_special_tokens=True)
        return [text.strip() for text in texts]


class Ours:
    """The describer's engine, without its cache; on a GPU with CUDA graphs unless `eager`."""

    def __init__(self, loaded: LoadedGit, max_rows: int, *, eager: bool = False) -> None:
        self._engine = DescriberEngine(
            loaded, max_rows=max_rows, max_waiting=MAX_WAITING, eager=eager
        )
        self._engine.start()

    async def describe(self, pixels: Pixels) -> str:
        """See `Way`."""
        return (await self._engine.describe(pixels)).description.text

    def close(self) -> None:
        """See `Way`."""
        self._engine.close()
