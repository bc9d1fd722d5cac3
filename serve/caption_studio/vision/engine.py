"""Queued pictures → descriptions: the queue, and one thread that steps the rows in flight.

New pictures join between steps, so none waits for another's long description to end. A lone picture
waits for nothing. With others in flight, pictures and free rows gather until they are worth a pass
of the image encoder, which takes less time per picture in larger batches.

`flight` contains the failure of one picture. An engine that hangs, or can describe no picture any
more, fails all accepted and all later pictures with `EngineDied`.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable

import torch

from caption_studio.errors import (
    RETRY_AFTER_S,
    CaptionStudioError,
    EngineDied,
    NotReady,
    Overloaded,
)
from caption_studio.records import (
    NO_BATCHES,
    BatchShare,
    Described,
    DescriberLoad,
    Pixels,
    RequestClass,
)
from caption_studio.vision.decode import Decoder
from caption_studio.vision.flight import Flight
from caption_studio.vision.git import LoadedGit
from caption_studio.vision.graphs import CudaGraphs
from caption_studio.vision.pictures import Outcome, Picture, resolve
from caption_studio.vision.pixel_slots import PixelSlots
from caption_studio.vision.prefix import PrefixEncoder
from caption_studio.vision.waiting import Aboard, Waiting

CLOSE_S = 5.0
"""How long `close` waits for the thread, which may hang in a pass."""

logger = logging.getLogger(__name__)


class DescriberEngine:
    """Describes pictures on a thread of its own, up to `max_rows` at a time.

    `batches` are rows beside these for pictures of batches, and who of them comes when.
    `start` acquires the thread, `close` releases it; pictures in progress then fail. On a GPU the
    passes are compiled and recorded as CUDA graphs unless `eager`. A pass that takes longer than
    `stall_s` counts as hung.
    """

    def __init__(
        self,
        loaded: LoadedGit,
        *,
        max_rows: int,
        max_waiting: int,
        eager: bool = False,
        stall_s: float = 60.0,
        batches: BatchShare = NO_BATCHES,
    ) -> None:
        self._loaded = loaded
        self._max_rows = max_rows = max_rows + batches.places
        self._knows_batches = batches.places > 0
        self._max_waiting = max_waiting
        self._stall_s = stall_s
        self._began_s: float | None = None  # the pass that runs; None while the thread waits
        git = loaded.git
        device = git.weight.device
        compiled = device.type == "cuda" and not eager
        record = CudaGraphs() if compiled else None
        with torch.inference_mode():
            self._encoder = PrefixEncoder(
                loaded, most=max_rows, record=record, compiled=compiled, began=self._note_progress
            )
            self._decoder: Decoder[Picture | None] = Decoder(git, max_rows=max_rows, record=record)
        # One for each picture that waits or is in flight, and one for the probe.
        self._slots = PixelSlots(max_waiting + max_rows + 1, git.image_size_px, device)
        self._flight = Flight(loaded, self._slots, self._encoder, self._decoder)
        self._accepted: set[Picture] = set()  # and not yet answered, wherever they are
        self._waiting = Waiting(batches)
        self._changed = threading.Condition()  # its lock is reentrant
        self._over: Callable[[], CaptionStudioError] | None = None
        self._thread = threading.Thread(target=self._work, name="git", daemon=True)

    def start(self) -> None:
        """Warm up the model, check that it describes a picture, then start the thread."""
        self._warm_up()
        with torch.inference_mode():
            self._flight.probe()
        self._thread.start()

    def close(self) -> None:
        """Stop after the running step; fail pictures in progress with `NotReady`."""
        self._end(_closed)
        if self._thread.ident is not None:
            self._thread.join(CLOSE_S)

    async def describe(self, pixels: Pixels, request_class: RequestClass = "online") -> Described:
        """Return the picture's description.

        Raises:
            ValueError: the picture is not of the model's size.
            Overloaded: too many wait.
            EngineFailure: the model failed on this picture.
            EngineDied: the engine is broken.
            NotReady: it is closed.
        """
        self.check_health()
        loop = asyncio.get_running_loop()
        is_batch = self._knows_batches and request_class == "batch"
        with self._changed:
            if self._over is not None:
                raise self._over()
            if self._is_full(is_batch):
                raise Overloaded(
                    "Too many pictures wait to be described.", retry_after_s=RETRY_AFTER_S
                )
            picture = Picture(self._put(pixels), loop.create_future(), loop, is_batch)
            self._accepted.add(picture)
            self._waiting.add(picture)
            self._changed.notify()
        return await picture.described

    def check_health(self) -> None:
        """Raise `EngineDied` if the engine is broken or hangs; from any thread."""
        began_s = self._began_s
        if began_s is not None and time.monotonic() - began_s > self._stall_s:
            logger.critical("the describer's engine hangs")
            self._end(_broken)
        if self._over is _broken:
            raise _broken()

    def load(self) -> DescriberLoad:
        """Return the current load; from any thread."""
        return DescriberLoad(
            rows=len(self._decoder),
            waiting=len(self._waiting),
            steps=self._flight.steps.read(),
            joins=self._flight.joins.read(),
        )

    def _is_full(self, is_batch: bool) -> bool:
        """Return whether no more may wait: of batches half as many, so that they leave room."""
        if is_batch and self._waiting.of_batches >= self._max_waiting // 2:
            return True
        return len(self._waiting) >= self._max_waiting

    def _put(self, pixels: Pixels) -> int:
        try:
            return self._slots.put(pixels)
        except ValueError:
            raise
        except Exception as error:  # anything; a copy that fails is no picture's fault
            logger.critical("the describer's engine takes no picture", exc_info=True)
            self._end(_broken)
            raise _broken() from error

    @torch.inference_mode()
    def _work(self) -> None:
        try:
            while self._wait():
                self._began_s = time.monotonic()
                self._answer(self._flight.turn(self._take))
                self._began_s = None
        except BaseException:  # the edge of the thread: nothing else would report it
            logger.critical("the describer's engine is broken", exc_info=True)
            self._end(_broken)
        self._began_s = None

    def _note_progress(self) -> None:
        if self._began_s is not None:
            self._began_s = time.monotonic()

    def _wait(self) -> bool:
        """Wait until there is something to do; return False when the engine has ended."""
        with self._changed:
            while self._over is None and not self._flight.has_work:
                wait_s = self._waiting.wait_s
                if wait_s == 0:
                    break
                self._changed.wait(wait_s)
            return self._over is None

    def _take(self, aboard: Aboard) -> list[Picture]:
        """Remove from the queue the pictures that join now."""
        with self._changed:
            return self._waiting.take(aboard)

    def _answer(self, left: list[Outcome]) -> None:
        """Free the slots and answer; a later step's tokens were read, so each `gather` has run."""
        if left:
            pictures = [picture for picture, _ in left]
            with self._changed:
                self._slots.give_back([picture.slot for picture in pictures])
            resolve(left)
            self._accepted.difference_update(pictures)  # last: a failure above must fail them

    def _end(self, why: Callable[[], CaptionStudioError]) -> None:
        """Accept nothing more, and fail all accepted pictures; the first reason counts."""
        with self._changed:
            self._over = over = self._over or why
            left, self._accepted = self._accepted, set()
            self._waiting.clear()
            self._changed.notify()
        resolve([(picture, over()) for picture in left])

    @torch.inference_mode()
    def _warm_up(self) -> None:
        """Run every operation once, with one row and with all rows: first calls are slow."""
        git = self._loaded.git
        side = git.image_size_px
        for count in {1, self._max_rows}:
            black = torch.zeros((count, side, side, 3), dtype=torch.uint8, device=git.weight.device)
            self._decoder.warm_up(self._encoder.encode(black).prefix)


def _closed() -> NotReady:
    return NotReady("The describer is closing.", retry_after_s=RETRY_AFTER_S)


def _broken() -> EngineDied:
    return EngineDied("The describer is being replaced.", retry_after_s=RETRY_AFTER_S)
