"""Work on log probabilities, of which an answer may hold hundreds of thousands → off the loop.

A callback that takes longer than 50 ms holds up every other request of its process. Python takes
turns between threads every 5 ms.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from caption_studio.records import DeltaGroup

T = TypeVar("T")

MANY = 2000
"""Log probabilities that the loop itself handles at once: a few milliseconds of CPU time."""


async def off_loop_if_many(work: Callable[[], T], number: int) -> T:
    """Return `work()`, called in a thread if it handles many log probabilities."""
    return await asyncio.to_thread(work) if number > MANY else work()


def logprobs_in(group: DeltaGroup) -> int:
    """Return how many log probabilities a group carries, those of alternatives included."""
    return sum(
        len(delta.logprobs) * (1 + len(delta.logprobs[0].alternatives))
        for delta in group
        if delta.logprobs
    )
