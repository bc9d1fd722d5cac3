"""JSON, piece by piece → its outline and its long strings.

A picture in a request is one string of megabytes. Parsing such a body at once would hold the GIL
all the while, and so would millions of tiny values. So a body is split as it arrives: long strings
are put aside, piece by piece, and the rest, the outline, is refused as soon as it is larger than
any sensible request. Then the outline is parsed at once, in milliseconds.

Not here: the text of a string (wire.json_strings), parsing the outline (wire.validate), the fields'
meaning (wire.parse, wire.completions_parse), reading the body (gateway.body).
"""

import itertools
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from caption_studio.errors import ModelNotFound, TooLong
from caption_studio.wire.bounds import too_much_text
from caption_studio.wire.json_strings import (
    LONG_CHARS,
    SHORT,
    LongString,
    malformed,
    string_of,
    whole_characters,
)

MAX_OUTLINE_BYTES = 1024**2
"""Schemas of tools and long conversations are a tenth of that; it parses in 10 ms."""

MAX_COMMAS = 32 * 1024
"""Limit of commas in the outline, and so of its values; a text of 32 KB may be half commas."""

MAX_BRACKETS = 4 * 1024
"""Limit of opened lists and objects in the outline: these take the longest, 2 µs each."""

PIECE_BYTES = 64 * 1024
"""Bytes read at a time, in a few milliseconds at worst."""

_SCAN_BYTES = 4 * 1024
"""Bytes that must arrive before an unfinished string is scanned again."""

_SECRET = secrets.token_hex(16)
"""Part of each mark, so that no caller can forge one; drawn once, as a draw is a system call."""

_NUMBERS = itertools.count()
"""Numbers of the marks: each is unique."""

_PICTURE = "data:"

_WHITE_SPACE = b" \t\r\n"

_LONGEST_UNIT_BYTES = 12
"""A pair of surrogates: two escapes of six bytes that mean one character."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of long strings: of pictures, which begin with `data:`, and of all others together.

    Of a picture over its limit, one character more than the limit is kept.
    """

    text_chars: int = sys.maxsize
    pictures: int = sys.maxsize
    picture_chars: int = sys.maxsize


@dataclass(frozen=True, slots=True)
class JSONBody:
    """A split body: in `outline` a mark stands for each of the `long_strings`.

    Whether one may be longer than `text_chars` depends on its field (wire.validate).
    """

    outline: bytes
    commas: int
    long_strings: Mapping[str, str]
    text_chars: int


class JSONReader:
    """`feed` takes the pieces of one body in their order; then `end` returns the `JSONBody`.

    Both raise `MalformedJSON` for an invalid long string, `TooLong` beyond a limit, and
    `ModelNotFound` if the model's name is beyond it.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._outline = bytearray()
        self._commas = 0
        self._brackets = 0
        self._unread = b""
        self._read_at_bytes = 0
        self._current: LongString | None = None
        self._long: dict[str, str] = {}
        self._text_chars = 0
        self._pictures = 0

    def feed(self, piece: bytes) -> None:
        """Take the next piece, in a time that depends on its size only."""
        self._unread += piece
        if len(self._unread) >= self._read_at_bytes:
            self._read()
            self._read_at_bytes = len(self._unread) + _SCAN_BYTES

    def end(self) -> JSONBody:
        """Return the whole body."""
        self._read()
        if self._current is not None:
            raise malformed()
        self._add_to_outline(self._unread)
        self._unread = b""
        return JSONBody(bytes(self._outline), self._commas, self._long, self._limits.text_chars)

    def _read(self) -> None:
        while self._unread and (self._read_long() if self._current else self._read_outline()):
            pass

    def _read_outline(self) -> bool:
        """Move the text that is certainly outline; return whether a long string follows it."""
        match = SHORT.match(self._unread)
        end = match.end() if match else 0
        self._add_to_outline(self._unread[:end])
        self._unread = self._unread[end:]
        if len(self._unread) <= 2 * LONG_CHARS + 2:  # it may turn out to be short
            return False
        self._unread = self._unread[1:]
        self._current = LongString()
        return True

    def _read_long(self) -> bool:
        """Move whole characters of the long string; return whether it ended."""
        assert self._current is not None
        end = whole_characters(self._unread)
        text = string_of(self._unread[:end])
        ends = self._unread[end : end + 1] == b'"'
        self._unread = self._unread[end:]
        self._count(text)
        self._current.add(text, self._limits.picture_chars)
        if not ends and len(self._unread) > _LONGEST_UNIT_BYTES:
            raise malformed()
        if ends:
            self._unread = self._unread[1:]
            self._add_to_outline(self._mark(self._current.text()))
            self._current = None
        return ends

    def _count(self, text: str) -> None:
        assert self._current is not None
        if self._current.is_empty:
            self._current.is_picture = text[:64].lstrip().lower().startswith(_PICTURE)
            self._pictures += self._current.is_picture
        if not self._current.is_picture:
            self._text_chars += len(text)
        if self._text_chars > self._limits.text_chars:
            field = self._last_field()
            if field == "model":
                raise ModelNotFound("The model that `model` names does not exist.", param="model")
            raise too_much_text(self._limits.text_chars, field)
        if self._pictures > self._limits.pictures:
            raise TooLong(
                f"A request may hold at most {self._limits.pictures} images.",
                param=self._last_field(),
            )

    def _mark(self, text: str) -> bytes:
        mark = f"{_SECRET}-{next(_NUMBERS)}"
        self._long[mark] = text
        return b'"%b"' % mark.encode()

    def _add_to_outline(self, text: bytes) -> None:
        """Add text that begins and ends outside of strings, where white space means nothing."""
        bare = text.strip(_WHITE_SPACE)
        self._outline += bare if len(bare) == len(text) else b" %b " % bare
        self._commas += text.count(b",")
        self._brackets += text.count(b"[") + text.count(b"{")
        if (
            len(self._outline) > MAX_OUTLINE_BYTES
            or self._commas > MAX_COMMAS
            or self._brackets > MAX_BRACKETS
        ):
            raise TooLong(
                "The body of your request holds too many values.", param=self._last_field()
            )

    def _last_field(self) -> str | None:
        """Return the field of the body in which the outline breaks off, if any.

        Raises `MalformedJSON` if the outline is wrong before that.
        """
        outline = bytes(self._outline[:MAX_OUTLINE_BYTES])
        if outline.rstrip(_WHITE_SPACE).endswith(b":"):
            outline += b"0"
        try:
            value: Any = from_json(outline, allow_partial="trailing-strings", cache_strings=False)
        except ValueError as error:
            raise malformed() from error
        return next(reversed(value), None) if isinstance(value, dict) else None


def read_whole(body: bytes) -> JSONBody:
    """Split a body that has arrived whole. Raises as `JSONReader`."""
    reader = JSONReader(Limits())
    for start in range(0, len(body), PIECE_BYTES):
        reader.feed(body[start : start + PIECE_BYTES])
    return reader.end()
