"""The two engines alone: pixels → descriptions in one process, descriptions → captions in another.

No decoding, no Ray, no table, no checks of captions: what is left is the models' own work, in as
many processes as the command has for it, with the same settings and prompts.
"""

import asyncio
import multiprocessing
import queue
import time
from collections.abc import Sequence
from itertools import cycle
from multiprocessing.queues import Queue
from typing import Any

from benchmarks.offline.pictures import pixels_of
from caption_studio.records import Pixels, Prompt
from caption_studio.settings import Settings

PICTURES = 1024
"""Different pictures; the describer remembers none."""

GROUP = 16
"""Descriptions that go to the captioner together, as in the command."""

GROUPS_AHEAD = 8
DESCRIBING, CAPTIONING = 96, 192
"""In flight in each engine, as in the command: one and a half times its batch."""

START_TIMEOUT_S = 300.0


def captions_per_s(warm_up_s: float, seconds: float) -> float:
    """Return the rate at which both engines caption pictures, over `seconds` after a warm-up."""
    context = multiprocessing.get_context("spawn")
    descriptions: Queue[list[str]] = context.Queue(GROUPS_AHEAD)
    found: Queue[float] = context.Queue()
    workers = [
        context.Process(target=_describe, args=(descriptions,), daemon=True),
        context.Process(
            target=_caption, args=(descriptions, found, warm_up_s, seconds), daemon=True
        ),
    ]
    for worker in workers:
        worker.start()
    try:
        return found.get(timeout=START_TIMEOUT_S + warm_up_s + seconds)
    finally:
        for worker in workers:
            worker.kill()
            worker.join()


def _describe(descriptions: "Queue[list[str]]") -> None:
    asyncio.run(_describe_all(pixels_of(PICTURES), descriptions))


async def _describe_all(pictures: Sequence[Pixels], descriptions: "Queue[list[str]]") -> None:
    from caption_studio.vision.engine import DescriberEngine
    from caption_studio.vision.git import load

    vision = Settings().vision
    engine = DescriberEngine(load(vision), max_rows=vision.max_batch_size, max_waiting=DESCRIBING)
    engine.start()
    endless = cycle(pictures)

    async def groups() -> None:
        while True:
            asked = [engine.describe(next(endless)) for _ in range(GROUP)]
            texts = [one.description.text for one in await asyncio.gather(*asked)]
            await asyncio.to_thread(descriptions.put, texts)

    await asyncio.gather(*(groups() for _ in range(DESCRIBING // GROUP)))


def _caption(
    descriptions: "Queue[list[str]]", found: "Queue[float]", warm_up_s: float, seconds: float
) -> None:
    asyncio.run(_caption_all(descriptions, found, warm_up_s, seconds))


async def _caption_all(
    descriptions: "Queue[list[str]]", found: "Queue[float]", warm_up_s: float, seconds: float
) -> None:
    from caption_studio.language.engine import FalconEngine

    settings = Settings()
    engine = FalconEngine(settings.language)
    await engine.start()
    prompt_of = await _prompts(settings)
    ended_s: list[float] = []
    begun = asyncio.Event()

    async def caption(text: str) -> None:
        async for _ in engine.generate(prompt_of(text), stream=False):
            ended_s.append(time.monotonic())
            begun.set()

    async def groups() -> None:
        while True:
            try:
                texts = await asyncio.to_thread(descriptions.get, timeout=1.0)
            except queue.Empty:
                continue
            await asyncio.gather(*map(caption, texts))

    working = [asyncio.create_task(groups()) for _ in range(CAPTIONING // GROUP)]
    await begun.wait()
    await asyncio.sleep(warm_up_s + seconds)
    begin_s = ended_s[0] + warm_up_s
    found.put(sum(begin_s <= one < begin_s + seconds for one in ended_s) / seconds)
    await asyncio.gather(*working)


async def _prompts(settings: Settings) -> Any:
    """Return how to make the prompt of a caption in the default voice."""
    from caption_studio.language.adapters.configured import ConfiguredAdapters
    from caption_studio.offline.captioning import request_of
    from caption_studio.prompts import picture_prompt
    from caption_studio.records import Description
    from caption_studio.voices.catalog import ConfiguredVoices
    from caption_studio.voices.defaults import with_defaults

    adapters = ConfiguredAdapters(settings.language)
    model = settings.default_caption_model
    voice = await ConfiguredVoices(settings, adapters).resolve(model)
    adapter = await adapters.resolve(voice.adapter)
    request = with_defaults(request_of(model, settings), voice)

    def prompt_of(text: str) -> Prompt:
        return picture_prompt(request, Description(text), voice, adapter)

    return prompt_of
