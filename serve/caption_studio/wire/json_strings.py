"""A JSON string, piece by piece → its text.

Not here: where a string begins in a body, and which strings are put aside (wire.json_body).
"""

import re

from pydantic_core import from_json

from caption_studio.errors import MalformedJSON

LONG_CHARS = 8 * 1024
"""A longer string is put aside. Short ones, such as a URL, stay in the outline."""

_BLOCK_CHARS = 1024**2
"""Characters joined into one block: small blocks would leave the memory fragmented."""

SHORT = re.compile(
    rb"(?:"
    rb'[^"]++'
    rb'|"(?=[^"\\]{0,%(chars)d}+["\\])'  # no step for each character of a picture's base64
    rb'(?:[^"\\]{0,%(chars)d}+"|(?:[^"\\]|\\.){0,%(chars)d}+")'
    rb")*+" % {b"chars": LONG_CHARS},
    re.DOTALL,
)
"""Matches up to a string that is long, or whose end has not arrived."""

_UNITS = re.compile(
    rb"(?:"
    rb'[^"\\\x80-\xff]++'
    rb"|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
    rb"|\\[^u]"
    rb"|\\u(?![dD][89abAB])[0-9a-fA-F]{4}"
    rb"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[0-9a-fA-F]{4}"
    rb")*+",
    re.DOTALL,
)
"""Matches whole characters of a string, escaped ones too: a string may be cut after each."""


class LongString:
    """One long string as it arrives."""

    def __init__(self) -> None:
        self.is_empty = True
        self.is_picture = False
        self._parts: list[str] = []
        self._recent: list[str] = []
        self._recent_chars = 0
        self._chars = 0

    def add(self, text: str, max_chars: int) -> None:
        """Take the next piece. Beyond `max_chars`, one more character is kept."""
        self.is_empty = False
        if self._chars > max_chars:
            return
        text = text[: max_chars + 1 - self._chars]
        self._chars += len(text)
        self._recent.append(text)
        self._recent_chars += len(text)
        if self._recent_chars >= _BLOCK_CHARS:
            self._join_recent()

    def text(self) -> str:
        """Return what was kept of the string."""
        self._join_recent()
        return "".join(self._parts)

    def _join_recent(self) -> None:
        self._parts.append("".join(self._recent))
        self._recent, self._recent_chars = [], 0


def malformed() -> MalformedJSON:
    """Return the error for a body that is no JSON."""
    return MalformedJSON("We could not parse the JSON body of your request.")


def whole_characters(text: bytes) -> int:
    """Return how many bytes of the string belong to characters that have arrived whole."""
    quote = text.find(b'"')
    inside = text if quote < 0 else text[:quote]
    if inside.isascii() and b"\\" not in inside:
        return len(inside)  # a picture's base64, in an eighth of the time
    match = _UNITS.match(text)
    return match.end() if match else 0


def string_of(inside: bytes) -> str:
    """Return the text that the inside of a JSON string means. Raises `MalformedJSON`."""
    try:
        text: str = from_json(b'"%b"' % inside, cache_strings=False)
    except ValueError as error:
        raise malformed() from error
    return text
