"""Bytes of an event stream → counts and times, with as little parsing as possible.

A client that decodes every chunk's JSON becomes the bottleneck long before a GPU does. Two patterns
find the text and the ends; only chunks with usage, stage times or an error are decoded.
"""

import json
import re
from typing import Any

_TEXT = re.compile(rb'"(?:content|text)":\s*"(?!")')
_FINISH = re.compile(rb'"finish_reason":\s*"')
_DECODE = re.compile(rb'"(?:usage":\s*\{|stage_times"|error")')


class BadStream(Exception):
    """The stream reported a failure, or cannot be read."""


class EventReader:
    """Reads one streamed answer.

    JSON escapes quotation marks inside a string, so `"content":"` cannot occur inside a caption.
    """

    def __init__(self) -> None:
        self.text_at_s: list[float] = []
        self.finished = 0
        self.done = False
        self.last: dict[str, Any] = {}
        self._rest = b""

    def feed(self, data: bytes, now_s: float) -> None:
        """Take the next bytes, which came at `now_s`. Raises `BadStream`."""
        data = self._rest + data
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n")
        *events, self._rest = data.split(b"\n\n")
        for event in events:
            if event == b"data: [DONE]":
                self.done = True
            elif event:
                self._event(event, now_s)

    def _event(self, event: bytes, now_s: float) -> None:
        if _TEXT.search(event):
            self.text_at_s.append(now_s)
        self.finished += len(_FINISH.findall(event))
        if _DECODE.search(event):
            self._decode(event)

    def _decode(self, event: bytes) -> None:
        payload = event[event.find(b"data:") + len(b"data:") :]
        try:
            value = json.loads(payload)
        except ValueError as error:
            raise BadStream("an event is not JSON") from error
        if not isinstance(value, dict):
            raise BadStream("an event is no object")
        if value.get("error"):
            raise BadStream(json.dumps(value["error"])[:200])
        for key in ("usage", "caption_studio"):
            if value.get(key):
                self.last[key] = value[key]
