"""A text → its hashtags, and the run of them at its end; pure.

A hashtag is a number sign (ASCII or full-width) that begins a word, together with that word, of
any script but not of digits alone: `#été` and `#東京` are, `#1`, `C#` and a URL's fragment are not.
"""

import re
import unicodedata
from dataclasses import dataclass

SIGNS = "#\uff03"
SEPARATORS = " \t\r\n,\u3001·•|/"
"""Characters that may stand between the hashtags at a caption's end."""

EMOJI_EXTRAS = "\u200d\u20e3\ufe0e\ufe0f"
"""Joiner, keycap and variation selectors: parts of an emoji, never of a hashtag."""

_JOINERS = "\u200c\u200d"
_LONE_SIGN = re.compile(f"(?<![{SIGNS}])[{SIGNS}](?![{SIGNS}])")
"""Of several signs in a row, none begins a word."""

_RUN = re.compile(rf"[\w{_JOINERS}]+")
_SENTENCE_MARKS = ".!?…,;:)\u3002\uff01\uff1f\u3001"


@dataclass(frozen=True, slots=True)
class Hashtag:
    """A hashtag's place in a text, including its sign; `word` is without the sign."""

    start: int
    end: int
    word: str


def find_hashtags(text: str) -> list[Hashtag]:
    """Return the hashtags of a text, in their order."""
    found: list[Hashtag] = []
    if not any(sign in text for sign in SIGNS):
        return found  # most descriptions: no need to look at each character
    start = 0
    while sign := _LONE_SIGN.search(text, start):
        end = sign.end()
        if _may_begin(text, sign.start(), found):
            end = _end_of_word(text, end)
            word = text[sign.end() : end].strip(_JOINERS)
            if any(c.isalpha() for c in word):
                found.append(Hashtag(sign.start(), end, word))
        start = end
    return found


@dataclass(frozen=True, slots=True)
class HashtagEnd:
    """The start of the hashtags at a caption's end, and the other text after it."""

    start: int
    rest: str


def end_without_hashtags(text: str, found: list[Hashtag]) -> HashtagEnd:
    """Find the last run of hashtags, if only emoji and the like follow it."""
    if not found:
        return HashtagEnd(len(text), "")
    after = text[found[-1].end :]
    if any(c.isalnum() for c in after) or after[:1] in tuple(_SENTENCE_MARKS):
        return HashtagEnd(len(text), "")
    start = found[-1].start
    for tag in reversed(found[:-1]):
        if text[tag.end : start].strip(SEPARATORS):
            break
        start = tag.start
    rest = after.strip()
    return HashtagEnd(start, f" {rest}" if rest else "")


def _end_of_word(text: str, start: int) -> int:
    """Return where the word that begins at `start` ends; it may be empty."""
    end = start
    while end < len(text):
        if run := _RUN.match(text, end):
            end = run.end()
        elif _is_of_word(text[end]):
            end += 1
        else:
            break
    return end


def _may_begin(text: str, start: int, found: list[Hashtag]) -> bool:
    """Whether a hashtag may begin here: not within a word, an entity or an address."""
    if start == 0 or (found and found[-1].end == start):
        return True
    before = text[start - 1]
    return not (_is_of_word(before) or before in ("&", "/", *SIGNS))


def _is_of_word(character: str) -> bool:
    if character.isalnum() or character in ("_", *_JOINERS):
        return True
    return unicodedata.category(character) in ("Mn", "Mc") and character not in EMOJI_EXTRAS
