"""Pictures that an engine has accepted, and the delivery of outcomes to their callers.

The engine works on a thread and its callers wait on event loops, which get the outcomes.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from torch import Tensor

from caption_studio.records import Described


@dataclass(slots=True, eq=False)
class Picture:
    """One accepted picture: its slot (`PixelSlots`) and its caller's future with its loop."""

    slot: int
    described: asyncio.Future[Described]
    loop: asyncio.AbstractEventLoop
    is_batch: bool = False
    since_s: float = field(default_factory=time.monotonic)
    joined_s: float = 0.0
    distance: Tensor | None = None  # from what is familiar, on the device, once it has joined


Outcome = tuple[Picture, Described | Exception | None]
"""None: the caller has gone."""


def resolve(outcomes: Sequence[Outcome]) -> None:
    """Give each caller its outcome on its own loop; from any thread. Skips closed loops."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Outcome]] = {}
    for outcome in outcomes:
        by_loop.setdefault(outcome[0].loop, []).append(outcome)
    for loop, of_loop in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(_settle, of_loop)


def _settle(outcomes: Sequence[Outcome]) -> None:
    for picture, outcome in outcomes:
        if picture.described.done() or outcome is None:
            continue
        if isinstance(outcome, Described):
            picture.described.set_result(outcome)
        else:
            picture.described.set_exception(outcome)
