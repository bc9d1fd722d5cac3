"""Several concurrent answers → one, with its choices numbered consecutively."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from caption_studio.records import DeltaGroup

_End = Exception | None
"""How one of the answers ended."""


async def merged(
    answers: Sequence[AsyncGenerator[DeltaGroup]], *, choices_each: int
) -> AsyncGenerator[DeltaGroup]:
    """Yield the groups of all answers as they come; the first failure ends them all.

    Closing the generator closes every answer.
    """
    queue: asyncio.Queue[DeltaGroup | _End] = asyncio.Queue(len(answers))
    tasks = [
        asyncio.create_task(_pass_on(answer, number * choices_each, queue))
        for number, answer in enumerate(answers)
    ]
    try:
        running = len(tasks)
        while running:
            item = await queue.get()
            if isinstance(item, Exception):
                raise item
            if item is None:
                running -= 1
            else:
                yield item
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pass_on(
    answer: AsyncGenerator[DeltaGroup],
    first_index: int,
    queue: "asyncio.Queue[DeltaGroup | _End]",
) -> None:
    end: _End = None
    try:
        async with aclosing(answer) as groups:
            async for group in groups:
                await queue.put(
                    tuple(replace(delta, index=delta.index + first_index) for delta in group)
                )
    except Exception as error:  # raised to the reader of the merged answer
        end = error
    await queue.put(end)
