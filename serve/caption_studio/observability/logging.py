"""Structured logs: one JSON object a line, the request id on each.

Never logged: prompts, descriptions, captions, image bytes, keys.
"""

import contextlib
import json
import logging
import sys
import threading
import time
from contextvars import ContextVar
from queue import Empty, SimpleQueue
from typing import TextIO

from caption_studio.settings import LoggingSettings

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Id of the request that the current task serves."""

INTERVAL_S = 0.05
MAX_LINES = 1000
"""No more are kept: who logs the next one writes them all."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JSONFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, request id, `extra` fields."""

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


class LineBatches(logging.Handler):
    """Writes the lines of `INTERVAL_S` at once: a write costs more than a line's making.

    A warning or worse is written before `emit` returns, with all before it; so is the rest when
    the interpreter ends. Who logs anything else never waits for a write of others.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._lines: SimpleQueue[str] = SimpleQueue()
        self._writing = threading.Lock()
        self._thread = threading.Thread(target=self._write_on, name="log", daemon=True)

    def start(self) -> None:
        """Start the thread that writes; it ends with the process."""
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line, or write all."""
        self._lines.put(self.format(record))
        if record.levelno >= logging.WARNING or self._lines.qsize() >= MAX_LINES:
            self.flush()

    def flush(self) -> None:
        """Write what has gathered."""
        with self._writing:
            self._write([])

    def _write_on(self) -> None:
        while True:
            first = self._lines.get()
            with self._writing:  # a warning waits for what came before it
                time.sleep(INTERVAL_S)
                self._write([first])

    def _write(self, lines: list[str]) -> None:
        with contextlib.suppress(Empty):
            while True:
                lines.append(self._lines.get_nowait())
        if lines:
            self._stream.write("\n".join(lines) + "\n")
            self._stream.flush()


def configure(settings: LoggingSettings) -> None:
    """Send this process's `caption_studio` logs to standard error. Called once a process."""
    handler = LineBatches(sys.stderr)
    if settings.format == "json":
        handler.setFormatter(JSONFormatter())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    package = logging.getLogger("caption_studio")
    handler.start()
    package.handlers[:] = [handler]
    package.setLevel(settings.level)
    package.propagate = False
