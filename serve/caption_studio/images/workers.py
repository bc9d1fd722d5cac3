"""A bounded number of threads for decodes, each of which can be abandoned.

Not here: the decode (`decode.py`), and the reason for threads (`loader.py`).
"""

import asyncio
import contextlib
import itertools
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, TypeVar

from caption_studio.errors import (
    RETRY_AFTER_S,
    DeadlineExceeded,
    ImageTooLarge,
    NotReady,
    Overloaded,
)
from caption_studio.images.stop import Stop, Stopped

Result = TypeVar("Result")

logger = logging.getLogger(__name__)

_STRAYS_PER_WORKER = 4
"""Limit on abandoned threads, per worker; beyond it a late job keeps its place until it ends."""

_WAIT_SHARE = 2.0
"""Limit on a job's wait for a place, as a multiple of the time that a job may run.

It is longer than the queue that admission allows (gateway.admission), so only a stalled queue
reaches it.
"""


_BUSY_SHARE = 0.5
"""A job past its deadline is too slow if it was on a processor for this share of the time it may
take. Jobs that ran beside it divide the share. A job that had less may succeed at another try."""


class NoThread(Exception):
    """The system has no thread left for the job."""


@dataclass(eq=False, slots=True)
class _Run:
    job: Callable[[Stop], Any]
    answer: asyncio.Future[Any]
    stop: Stop
    together: int = 1
    """The most runs, itself included, while it ran."""
    holds_place: bool = True
    is_late: bool = False
    give_up: asyncio.TimerHandle | None = None


class DecodeWorkers:
    """Runs jobs in at most `workers` threads at a time, each for `timeout_s` at most.

    A thread cannot be killed. Past its deadline it is told to stop, its place goes at once to the
    next job and another thread, and its late answer is dropped. The threads are daemons, so that a
    stuck one cannot delay the end of the process.
    """

    def __init__(self, workers: int, *, timeout_s: float) -> None:
        self._workers = workers
        self._timeout_s = timeout_s
        self._places = asyncio.Semaphore(workers)
        self._max_strays = workers * _STRAYS_PER_WORKER
        self._runs: set[_Run] = set()
        self._idle: list[_Thread] = []
        self._closed = False

    async def run(self, job: Callable[[Stop], Result], *, param: str) -> Result:
        """Return what `job` returns.

        Raises what `job` raises; `ImageTooLarge` if the job missed its deadline,
        `DeadlineExceeded` if it missed it for want of processor time; `Overloaded` if no place
        came free in time or the system has no thread; `NotReady` once closed.
        """
        try:
            async with asyncio.timeout(_WAIT_SHARE * self._timeout_s):
                await self._places.acquire()
        except TimeoutError as error:
            raise _too_many(param) from error
        deadline_s = asyncio.get_running_loop().time() + self._timeout_s
        try:
            run = self._start(job, deadline_s)
            result: Result = await self._answer(run, deadline_s, param)
            return result
        except NoThread as error:
            raise _too_many(param) from error
        except Stopped as error:
            raise NotReady("The service is shutting down.", retry_after_s=RETRY_AFTER_S) from error

    @property
    def all_stuck(self) -> bool:
        """Whether every place is held by a job past its deadline."""
        return sum(run.holds_place and run.is_late for run in self._runs) >= self._workers

    def close(self) -> None:
        """Tell every job and every thread to stop, without waiting for any."""
        self._closed = True
        for run in self._runs:
            run.stop.tell()
        while self._idle:
            self._idle.pop().end()

    def _start(self, job: Callable[[Stop], Any], deadline_s: float) -> _Run:
        loop = asyncio.get_running_loop()
        try:
            if self._closed:
                raise Stopped
            thread = self._idle.pop() if self._idle else _Thread(loop, self._finish)
            run = _Run(job, loop.create_future(), Stop(thread.ident))
        except BaseException:  # closed, or the system has no thread left
            self._places.release()
            raise
        run.answer.add_done_callback(lambda _: run.stop.tell())  # the caller may have gone
        thread.take(run)
        self._runs.add(run)
        for each in self._runs:
            each.together = max(each.together, len(self._runs))
        run.give_up = loop.call_at(deadline_s, self._give_up, run)
        return run

    async def _answer(self, run: _Run, deadline_s: float, param: str) -> Any:
        try:
            async with asyncio.timeout_at(deadline_s):
                return await run.answer
        except TimeoutError as error:
            if run.stop.cpu_s() < _BUSY_SHARE * self._timeout_s / run.together:
                raise DeadlineExceeded(
                    "The service is too busy to decode the image in time.", param=param
                ) from error
            raise ImageTooLarge("The image takes too long to decode.", param=param) from error

    def _finish(self, thread: "_Thread", run: _Run, result: Any, error: Exception | None) -> None:
        self._runs.discard(run)
        if run.give_up is not None:
            run.give_up.cancel()
        if run.holds_place and not self._closed:
            self._idle.append(thread)
        else:
            thread.end()
        if run.holds_place:
            self._places.release()
        if run.answer.done():  # given up on, or the caller has gone
            return
        if error is not None:
            run.answer.set_exception(error)
        else:
            run.answer.set_result(result)

    def _give_up(self, run: _Run) -> None:
        strays = sum(not other.holds_place for other in self._runs)
        run.is_late = True
        if strays < self._max_strays:
            run.holds_place = False
            self._places.release()
        logger.warning("a decode was given up on at its deadline", extra={"strays": strays + 1})


def _too_many(param: str) -> Overloaded:
    return Overloaded(
        "Too many images are being decoded.", param=param, retry_after_s=RETRY_AFTER_S
    )


class _Thread:
    """One thread, reused for later jobs: starting one per job cost as much as a decode."""

    _numbers = itertools.count(1)

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        finish: Callable[["_Thread", _Run, Any, Exception | None], None],
    ) -> None:
        self._loop = loop
        self._finish = finish
        self._inbox: SimpleQueue[_Run | None] = SimpleQueue()
        name = f"image-decode-{next(self._numbers)}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise NoThread from error
        self.ident = thread.ident

    def take(self, run: _Run) -> None:
        self._inbox.put(run)

    def end(self) -> None:
        self._inbox.put(None)

    def _work(self) -> None:
        while (run := self._inbox.get()) is not None:
            result, error = None, None
            try:
                result = run.job(run.stop)
            except Exception as caught:  # the edge of the thread: the waiter raises it
                error = caught
            except BaseException as caught:  # it would end the thread, and keep its place for ever
                error = RuntimeError(f"a decode ended its thread: {type(caught).__name__}")
            with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits
                self._loop.call_soon_threadsafe(self._finish, self, run, result, error)
            del run, result, error  # nothing large is kept while waiting for the next
