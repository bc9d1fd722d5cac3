"""Structured logs: one JSON object a line, the request id on each.

Never logged: prompts, descriptions, captions, image bytes, keys.
"""

import json
import logging
import sys
import time
from contextvars import ContextVar

from caption_studio.settings import LoggingSettings

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Id of the request that the current task serves."""

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


def configure(settings: LoggingSettings) -> None:
    """Send this process's `caption_studio` logs to standard error. Called once a process."""
    handler = logging.StreamHandler(sys.stderr)
    if settings.format == "json":
        handler.setFormatter(JSONFormatter())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    package = logging.getLogger("caption_studio")
    package.handlers[:] = [handler]
    package.setLevel(settings.level)
    package.propagate = False
