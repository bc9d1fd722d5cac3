"""Structured logs: one JSON object per line, each with the request id.

Never logged: prompts, descriptions, captions, image bytes, keys.
"""

import json
import logging
import sys
import threading
import time
from contextvars import ContextVar
from logging.handlers import QueueHandler, QueueListener
from queue import SimpleQueue
from typing import Any, TextIO

from caption_studio.settings import LoggingSettings

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Id of the request that the current task serves."""

MAX_LINES = 10_000
"""The most lines that may wait to be written, some seconds' worth; further ones are lost."""

END_TIMEOUT_S = 2.0
"""Limit for writing the last lines: standard error may be a pipe that nobody reads."""

_PACKAGE = logging.getLogger("caption_studio")

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JSONFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, message, request id, `extra` fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its line break."""
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get(),
        }
        line.update((k, v) for k, v in vars(record).items() if k not in _STANDARD)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class QueuedLines(QueueHandler):
    """Hands each line to a writer thread, so that no caller waits for a disk or a pipe.

    A line is formatted where it is logged, since the request id belongs to the task there. A line
    is lost and counted if `max_lines` are waiting already, or if it cannot be written.
    """

    def __init__(self, stream: TextIO, max_lines: int = MAX_LINES) -> None:
        self._lines: SimpleQueue[Any] = SimpleQueue()
        super().__init__(self._lines)
        self._max_lines = max_lines
        self._stream = _Stream(stream)
        self._listener = _Listener(self._lines, self._stream)
        self._not_queued = 0
        self._untold = 0

    @property
    def lost(self) -> int:
        """How many lines were not written."""
        return self._not_queued + self._stream.not_written

    def start(self) -> None:
        """Start the thread that writes; it ends with the process."""
        self._listener.start()

    def prepare(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return self.format(record)

    def enqueue(self, record: Any) -> None:
        """Queue the line unless too many wait; with the next one queued, log how many were lost."""
        if self._lines.qsize() >= self._max_lines:
            self._not_queued += 1
            self._untold += 1
            return
        self._lines.put_nowait(record)
        if self._untold:
            values = {"name": __name__, "levelname": "WARNING", "lines": self._untold}
            self._untold = 0
            told = logging.makeLogRecord({**values, "msg": "log lines were lost"})
            self._lines.put_nowait(self.format(told))

    def handleError(self, record: logging.LogRecord) -> None:
        """Count a line that could not be formatted; no request fails because of it."""
        self._not_queued += 1

    def flush(self) -> None:
        """Wait until all lines logged so far are written, for at most `END_TIMEOUT_S`."""
        self._listener.wait(END_TIMEOUT_S)

    def close(self) -> None:
        """Write the rest and stop; logging calls this when the interpreter ends."""
        self._listener.end(END_TIMEOUT_S)
        super().close()


class _Stream(logging.StreamHandler[TextIO]):
    """Writes formatted lines; a line is lost if the disk is full or the pipe closed."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.not_written = 0

    def format(self, record: Any) -> str:
        return str(record)

    def handleError(self, record: Any) -> None:
        self.not_written += 1


class _Listener(QueueListener):
    """The writer thread; `wait` returns when it has written all lines queued before."""

    def __init__(self, lines: SimpleQueue[Any], stream: _Stream) -> None:
        super().__init__(lines)
        self._stream = stream

    def handle(self, record: Any) -> None:
        if isinstance(record, threading.Event):
            record.set()
        else:
            self._stream.emit(record)

    def wait(self, timeout_s: float) -> None:
        if self._thread is not None:
            written = threading.Event()
            self.queue.put_nowait(written)
            written.wait(timeout_s)

    def end(self, timeout_s: float) -> None:
        """Stop as `stop` does, but wait at most `timeout_s` for a hanging pipe."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self.enqueue_sentinel()
            thread.join(timeout_s)


def configure(settings: LoggingSettings) -> None:
    """Send this process's `caption_studio` logs to standard error. Call it once per process."""
    handler = QueuedLines(sys.stderr)
    if settings.format == "json":
        handler.setFormatter(JSONFormatter())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.start()
    _PACKAGE.handlers[:] = [handler]
    _PACKAGE.setLevel(settings.level)
    _PACKAGE.propagate = False


def flush() -> None:
    """Wait briefly until all lines are written; for a process that ends by `os._exit`."""
    for handler in _PACKAGE.handlers:
        handler.flush()


def lost_lines() -> int:
    """Return how many lines of this process were not written."""
    return sum(h.lost for h in _PACKAGE.handlers if isinstance(h, QueuedLines))
