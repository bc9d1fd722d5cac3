"""The lines of a batch that are not answered yet → answers in its journal."""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

from caption_studio.batches.lines import Line, read_result, requests_of, result_line
from caption_studio.batches.records import BatchEnd, Counts
from caption_studio.batches.states import BatchState
from caption_studio.batches.tools import Reply, Tools
from caption_studio.errors import MAX_RETRY_AFTER_S, StoreUnavailable

logger = logging.getLogger(__name__)

WATCH_S = 2.0
"""Interval at which a cancellation is looked for, and whether the answers are within the quota."""

FLUSH_S = 5.0
FLUSH_LINES = 200
"""Answers are written to the journal after so long, or when there are so many."""

TRY_AGAIN = (429, 503)
"""Statuses of a service that is full or has no replica just now: the line waits."""

FAILED = (500, 502, 504)
MAX_DOUBLINGS = 8
"""Each wait before another try is twice as long as the last, up to a minute."""

ATTEMPTS = 3
"""How often a line is tried that is answered with one of the statuses `FAILED`."""


class Answering:
    """The work on one batch's lines. `pauses` says whether to leave them to others for now."""

    def __init__(self, tools: Tools, state: BatchState, pauses: Callable[[], bool]) -> None:
        self._tools = tools
        self._state = state
        self._pauses = pauses
        self._is_cancelled = state.cancelled is not None
        self._is_too_much = False
        request = state.request
        self._journal = tools.batches.journal(request.owner, request.id)
        self._lines = _Lines(tools, state)
        self._under_way: set[asyncio.Task[None]] = set()
        self._answers: list[bytes] = []
        self._flushed_at_s = time.monotonic()
        self._left = False
        """Whether a line was begun and is not answered."""

    async def run(self) -> BatchEnd | None:
        """Answer lines until none is left or no more may be begun; return how the batch ends.

        `failed`: its owner keeps more than its quota by now. None: it goes on later.
        Raises `StoreUnavailable`, `FileNotFound` without the input file.
        """
        if self._stops():
            return self._end()
        threads = self._tools.threads
        watching = asyncio.create_task(self._watch())
        try:
            done = await threads.run_long(lambda: {one[0] for one in self._journal.lines()})
            await threads.run(self._lines.open)
            is_last = await self._begin_all(done)
            while self._under_way:
                await asyncio.wait(self._under_way, timeout=FLUSH_S)
                await self._flush_when_due()
            await self._flush_surely()
        finally:
            for task in (watching, *self._under_way):
                task.cancel()
            await asyncio.gather(watching, *self._under_way, return_exceptions=True)
            with suppress(StoreUnavailable):
                await self._flush()
            with suppress(StoreUnavailable):
                await threads.run(self._lines.close)
        return "completed" if is_last and not self._left else self._end()

    async def _begin_all(self, done: set[str]) -> bool:
        """Begin the lines one after the other; return whether the last one was begun."""
        while not self._stops():
            line = await self._tools.threads.run(self._lines.next)
            if line is None:
                return True
            if line.custom_id in done:
                continue
            begun = asyncio.Event()
            task = asyncio.create_task(self._answer(line, begun))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
            del line
            await begun.wait()
            await self._flush_when_due()
        return False

    def _stops(self) -> bool:
        knows = self._tools.caller.knows(self._state.request.owner)
        return self._end() is not None or self._pauses() or not knows

    def _end(self) -> BatchEnd | None:
        """Return how the batch ends with lines that are not answered; None: not yet."""
        if self._is_cancelled:
            return "cancelled"
        if self._is_too_much:
            return "failed"
        is_late = self._tools.clock() >= self._state.request.expires_at
        return "expired" if is_late else None

    async def _watch(self) -> None:
        request = self._state.request
        batches, quota, threads = self._tools.batches, self._tools.files.quota, self._tools.threads
        while not self._is_cancelled and not self._is_too_much:
            await asyncio.sleep(WATCH_S)
            with suppress(StoreUnavailable):
                self._is_cancelled = await threads.run(
                    batches.is_cancelled, request.owner, request.id
                )
                self._is_too_much = await threads.run(quota.is_exceeded, request.owner)

    async def _answer(self, line: Line, begun: asyncio.Event) -> None:
        """Answer one line, unless it has to wait until no more may be begun."""
        request_id = uuid.uuid4().hex
        try:
            async with self._tools.gate.place():
                begun.set()
                reply = await self._replied(line, request_id)
        except Exception:
            logger.exception("a request of a batch failed unexpectedly")
            reply = None
        finally:
            begun.set()
        if reply is None:
            self._left = True
        else:
            answer = result_line(line.custom_id, request_id, reply.status, reply.body)
            self._answers.append(answer)

    async def _replied(self, line: Line, request_id: str) -> Reply | None:
        request = self._state.request
        doublings = failures = 0
        while True:
            reply = await self._tools.caller.call(
                request.owner,
                request.endpoint,
                line.body,
                request_id=request_id,
                batch_id=request.id,
            )
            failures += reply.status in FAILED
            if reply.status not in TRY_AGAIN and (
                reply.status not in FAILED or failures == ATTEMPTS
            ):
                return reply
            wait_s = min(MAX_RETRY_AFTER_S, max(reply.retry_after_s or 0, 0.25 * 2**doublings))
            doublings = min(doublings + 1, MAX_DOUBLINGS)
            if self._stops():
                return None
            await asyncio.sleep(wait_s)
            if self._stops():
                return None

    async def _flush_when_due(self) -> None:
        is_due = time.monotonic() - self._flushed_at_s >= FLUSH_S
        if is_due or len(self._answers) >= FLUSH_LINES:
            await self._flush_surely()

    async def _flush_surely(self) -> None:
        """Write the answers, however long the store fails: until then no line is begun."""
        while True:
            try:
                await self._flush()
                return
            except StoreUnavailable:
                logger.warning("the journal of a batch cannot be written; it waits")
                await asyncio.sleep(WATCH_S)

    async def _flush(self) -> None:
        self._flushed_at_s = time.monotonic()
        if not self._answers:
            return
        answers = list(self._answers)
        completed = sum(read_result(line)[1] for line in answers)
        counts = Counts(completed, len(answers) - completed)
        await self._tools.threads.run(self._journal.append, answers, counts)
        del self._answers[: len(answers)]


class _Lines:
    """The requests of an input file that was found valid, one after the other. Blocking."""

    def __init__(self, tools: Tools, state: BatchState) -> None:
        self._tools = tools
        self._request = state.request
        self._stack = ExitStack()
        self._lines: Iterator[tuple[int, Line]] = iter(())

    def open(self) -> None:
        """Raise `FileNotFound` where the file is gone."""
        request = self._request
        source = self._stack.enter_context(
            self._tools.files.reading(request.owner, request.input_file_id)
        )
        self._lines = requests_of(source, request.endpoint)

    def next(self) -> Line | None:
        """Return the next request, None at the end."""
        return next((line for _, line in self._lines), None)

    def close(self) -> None:
        """Close the file."""
        self._stack.close()
