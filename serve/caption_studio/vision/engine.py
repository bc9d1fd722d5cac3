"""Pictures that wait → descriptions: which rows are in flight, and one thread that steps them.

New pictures join between steps, so nobody waits for a stranger's long description. Alone, a
picture waits for nothing; with others in flight, pictures gather until they are worth a pass
of the image encoder, which takes less time a picture the more it is given.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from caption_studio.counts import POWERS_OF_TWO, Counter
from caption_studio.errors import RETRY_AFTER_S, NotReady, Overloaded
from caption_studio.records import Described, DescriberLoad, Description, Pixels
from caption_studio.vision.decode import Decoder
from caption_studio.vision.git import LoadedGit
from caption_studio.vision.graphs import CudaGraphs
from caption_studio.vision.pixel_slots import PixelSlots
from caption_studio.vision.prefix import PrefixEncoder

ROWS_PER_JOINER = 4
"""A quarter of the rows in flight must wait before they join: the encoder likes batches."""


@dataclass(slots=True, eq=False)
class _Waiting:
    slot: int
    described: asyncio.Future[Described]
    loop: asyncio.AbstractEventLoop
    since_s: float = field(default_factory=time.monotonic)
    joined_s: float = 0.0


Outcome = tuple[_Waiting, Described | Exception]


class DescriberEngine:
    """Describes pictures on a thread of its own, up to `max_rows` at a time.

    `start` acquires the thread, `close` lets it go; what is under way then fails. On a GPU the
    passes are compiled and CUDA graphs unless `eager`.
    """

    def __init__(
        self, loaded: LoadedGit, *, max_rows: int, max_waiting: int, eager: bool = False
    ) -> None:
        self._loaded = loaded
        self._max_rows = max_rows
        self._max_waiting = max_waiting
        git = loaded.git
        device = git.weight.device
        compiled = device.type == "cuda" and not eager
        record = CudaGraphs() if compiled else None
        with torch.inference_mode():
            self._encoder = PrefixEncoder(loaded, most=max_rows, record=record, compiled=compiled)
            self._decoder: Decoder[_Waiting] = Decoder(git, max_rows=max_rows, record=record)
        self._slots = PixelSlots(max_waiting + max_rows, git.image_size_px, device)
        self._waiting: deque[_Waiting] = deque()
        self._steps = Counter(POWERS_OF_TWO)
        self._joins = Counter(POWERS_OF_TWO)
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="git", daemon=True)

    def start(self) -> None:
        """Warm the model up, then start the thread."""
        self._warm_up()
        self._thread.start()

    def close(self) -> None:
        """Stop after the step that runs; fail what is under way with `NotReady`."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join()
        left = [*self._decoder.drop(lambda _: True), *self._waiting]
        _resolve([(waiting, _closed()) for waiting in left])

    async def describe(self, pixels: Pixels) -> Described:
        """Return what is in the picture.

        Raises `ValueError` if the picture is not of the model's size, `Overloaded` if too many
        wait, `NotReady` after `close`, and whatever the model raised on this picture.
        """
        loop = asyncio.get_running_loop()
        with self._changed:
            if self._closing:
                raise _closed()
            if len(self._waiting) >= self._max_waiting:
                raise Overloaded(
                    "Too many pictures wait to be described.", retry_after_s=RETRY_AFTER_S
                )
            waiting = _Waiting(self._slots.put(pixels), loop.create_future(), loop)
            self._waiting.append(waiting)
            self._changed.notify()
        return await waiting.described

    def load(self) -> DescriberLoad:
        """Return what is under way; from any thread."""
        return DescriberLoad(
            rows=len(self._decoder),
            waiting=len(self._waiting),
            steps=self._steps.read(),
            joins=self._joins.read(),
        )

    @torch.inference_mode()
    def _work(self) -> None:
        while self._wait():
            _resolve(self._turn())

    def _wait(self) -> bool:
        """Wait until there is something to do; False when the end has come."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self._waiting or len(self._decoder))
            return not self._closing

    def _turn(self) -> list[Outcome]:
        """Let rows leave and join, then write one token in each."""
        self._decoder.drop(lambda waiting: waiting.described.done())
        joiners = self._next_joiners()
        outcomes = self._join(joiners) + self._step()
        # The step's tokens have been read, so what was queued before it has run.
        self._slots.give_back([waiting.slot for waiting in joiners])
        return outcomes

    def _step(self) -> list[Outcome]:
        if not len(self._decoder):
            return []
        self._steps.add(len(self._decoder))
        try:
            finished = self._decoder.step()
        except Exception as error:  # anything: upstream's code ran; no row of it can go on
            return [(row, error) for row in self._decoder.drop(lambda _: True)]
        return [(row, self._described(row, token_ids)) for row, token_ids in finished]

    def _described(self, row: _Waiting, token_ids: list[int]) -> Described:
        description = Description(self._loaded.text(token_ids))
        return Described(description, row.joined_s - row.since_s, time.monotonic() - row.joined_s)

    def _next_joiners(self) -> list[_Waiting]:
        with self._changed:
            joiners: list[_Waiting] = []
            if len(self._waiting) * ROWS_PER_JOINER < len(self._decoder):
                return joiners
            while self._waiting and len(joiners) < self._decoder.room:
                waiting = self._waiting.popleft()
                if waiting.described.done():  # its caller has gone
                    self._slots.give_back([waiting.slot])
                else:
                    waiting.joined_s = time.monotonic()
                    joiners.append(waiting)
            return joiners

    def _join(self, joiners: Sequence[_Waiting]) -> list[Outcome]:
        """Encode the pictures together; if that fails, each by itself. Return the failures."""
        if not joiners:
            return []
        self._joins.add(len(joiners))
        try:
            pictures = self._slots.gather([waiting.slot for waiting in joiners])
            self._decoder.join(joiners, self._encoder.encode(pictures))
        except Exception as error:  # anything: upstream's code ran
            if len(joiners) == 1:
                return [(joiners[0], error)]
            return [failure for waiting in joiners for failure in self._join([waiting])]
        return []

    @torch.inference_mode()
    def _warm_up(self) -> None:
        """Run every operation once, alone and with all rows: first calls are slow."""
        git = self._loaded.git
        side = git.image_size_px
        for count in {1, self._max_rows}:
            black = torch.zeros((count, side, side, 3), dtype=torch.uint8, device=git.weight.device)
            self._decoder.warm_up(self._encoder.encode(black))


def _closed() -> NotReady:
    return NotReady("The describer is closing.", retry_after_s=RETRY_AFTER_S)


def _resolve(outcomes: Sequence[Outcome]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[Outcome]] = {}
    for outcome in outcomes:
        by_loop.setdefault(outcome[0].loop, []).append(outcome)
    for loop, of_loop in by_loop.items():
        loop.call_soon_threadsafe(_settle, of_loop)


def _settle(outcomes: Sequence[Outcome]) -> None:
    for waiting, outcome in outcomes:
        if waiting.described.done():
            continue
        if isinstance(outcome, Described):
            waiting.described.set_result(outcome)
        else:
            waiting.described.set_exception(outcome)
