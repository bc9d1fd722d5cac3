"""One answer's pieces → a `Sample`.

Not here: bytes on the wire (connection), the stream's events (events).
"""

import asyncio
import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from benchmarks.load.events import BadStream, EventReader
from benchmarks.load.sample import Outcome, Sample


class Exchange:
    """Receives one answer (`connection.Receiver`) and writes it into its sample.

    `finished` completes with the sample. `now` returns seconds from the start of the round.
    """

    def __init__(self, sample: Sample, now: Callable[[], float]) -> None:
        self._sample, self._now = sample, now
        self._reader = EventReader() if sample.streamed else None
        self._body: list[bytes] = []
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_status(self, status: int) -> None:
        """See `Receiver`."""
        self._sample.status = status

    def on_data(self, data: bytes) -> None:
        """See `Receiver`."""
        self._sample.received_bytes += len(data)
        if self._reader is None or self._sample.status != 200:
            self._body.append(data)
            return
        try:
            self._reader.feed(data, self._now())
        except BadStream as error:
            self.end(Outcome.STREAM_ERROR, str(error))

    def on_complete(self) -> None:
        """See `Receiver`."""
        if self.finished.done():
            return
        self._sample.done_s = self._now()
        if self._sample.status != 200:
            self.end(_by_status(self._sample.status), _text(self._body))
        elif self._reader is not None:
            self._take_stream(self._reader)
        else:
            self._take_whole(b"".join(self._body))

    def on_broken(self, why: str) -> None:
        """See `Receiver`."""
        self.end(Outcome.MALFORMED if why else Outcome.DISCONNECT, why)

    def end(self, outcome: Outcome, error: str = "") -> None:
        """Finish the sample, once."""
        if self.finished.done():
            return
        sample = self._sample
        sample.outcome, sample.error = outcome, error
        sample.done_s = sample.done_s or self._now()
        self.finished.set_result(None)

    def _take_stream(self, reader: EventReader) -> None:
        sample, times = self._sample, reader.text_at_s
        if times:
            sample.first_s, sample.last_s = times[0], times[-1]
            sample.chunk_gaps_s = tuple(after - before for before, after in pairwise(times))
        if not reader.done or not reader.finished:
            self.end(Outcome.STREAM_ERROR, "the stream ended without its end")
            return
        sample.captions = reader.finished
        self._take_counts(reader.last)
        self.end(Outcome.OK)

    def _take_whole(self, body: bytes) -> None:
        try:
            value = json.loads(body)
            choices = value["choices"]
            self._sample.captions = len(choices)
            self._take_counts(value)
        except (ValueError, KeyError, TypeError, AttributeError):
            self.end(Outcome.MALFORMED, _text([body]))
        else:
            self.end(Outcome.OK if choices else Outcome.MALFORMED)

    def _take_counts(self, value: dict[str, Any]) -> None:
        usage = value.get("usage") or {}
        self._sample.prompt_tokens = int(usage.get("prompt_tokens") or 0)
        self._sample.completion_tokens = int(usage.get("completion_tokens") or 0)
        stages = (value.get("caption_studio") or {}).get("stage_times") or {}
        self._sample.stage_times_s = {str(name): float(time) for name, time in stages.items()}


def _by_status(status: int | None) -> Outcome:
    if status == 429:
        return Outcome.HTTP_429
    if status is not None and 400 <= status < 500:
        return Outcome.HTTP_4XX
    if status is not None and 500 <= status < 600:
        return Outcome.HTTP_5XX
    return Outcome.MALFORMED


def _text(body: list[bytes]) -> str:
    return b"".join(body)[:200].decode(errors="replace")
