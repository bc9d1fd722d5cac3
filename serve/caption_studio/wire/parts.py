"""A caption → its parts: the caption without hashtags, the hashtags, an alternative text; pure.

A hashtag is a number sign (ASCII or full-width) that begins a word, together with that word, of
any script but not of digits alone: `#été` and `#東京` are, `#1`, `C#` and a URL's fragment are not.
Hashtags at the caption's end are removed; one within a sentence stays as its word.
"""

import re
import unicodedata
from dataclasses import dataclass

ALT_TEXT_LENGTH = 125
"""Characters: some screen readers read no more of an `alt` attribute in one go."""

_SIGNS = "#\uff03"
_JOINERS = "\u200c\u200d"
_LONE_SIGN = re.compile(f"(?<![{_SIGNS}])[{_SIGNS}](?![{_SIGNS}])")
"""Of several signs in a row, none begins a word."""

_RUN = re.compile(rf"[\w{_JOINERS}]+")
_SEPARATORS = " \t\r\n,\u3001·•|/"
_SENTENCE_MARKS = ".!?…,;:)\u3002\uff01\uff1f\u3001"
_EMOJI_EXTRAS = "\u200d\u20e3\ufe0e\ufe0f"


@dataclass(frozen=True, slots=True)
class Hashtag:
    """A hashtag's place in a text, including its sign; `word` is without the sign."""

    start: int
    end: int
    word: str


@dataclass(frozen=True, slots=True)
class CaptionParts:
    """The parts of a caption. The hashtags have no sign, and each is there once."""

    caption: str
    hashtags: tuple[str, ...]


def caption_parts(text: str) -> CaptionParts:
    """Return the parts of a caption."""
    found = find_hashtags(text)
    cut = _end_without_hashtags(text, found)
    kept, position = [], 0
    for tag in found:
        if tag.start < cut.start:
            kept += [text[position : tag.start], tag.word]
            position = tag.end
    kept += [text[position : cut.start].rstrip(_SEPARATORS), cut.rest]
    words: dict[str, str] = {}
    for tag in found:
        words.setdefault(tag.word.casefold(), tag.word)
    return CaptionParts("".join(kept).strip(), tuple(words.values()))


def alt_text(description: str) -> str:
    """Return the description as one sentence, without hashtags' signs or emoji; it may be empty."""
    for tag in reversed(find_hashtags(description)):
        description = description[: tag.start] + tag.word + description[tag.end :]
    if not description.isascii():
        description = "".join(c for c in description if not _is_emoji(c))
    words = description.split()
    for index, word in enumerate(words[:-1]):
        words[index] = word[:-1] + ";" if word[-1] in ".!?" else word
    text = " ".join(words)
    text = text[:1].upper() + text[1:]
    if len(text) >= ALT_TEXT_LENGTH:
        whole_words, space, _ = text[:ALT_TEXT_LENGTH].rpartition(" ")
        text = whole_words if space else text[: ALT_TEXT_LENGTH - 1]
    text = text.rstrip(" .,;:!?…-\u2013\u2014")
    return f"{text}." if text else ""


def find_hashtags(text: str) -> list[Hashtag]:
    """Return the hashtags of a text, in their order."""
    found: list[Hashtag] = []
    if not any(sign in text for sign in _SIGNS):
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


@dataclass(frozen=True, slots=True)
class _End:
    """The start of the hashtags at a caption's end, and the other text after it."""

    start: int
    rest: str


def _end_without_hashtags(text: str, found: list[Hashtag]) -> _End:
    """Find the last run of hashtags, if only emoji and the like follow it."""
    if not found:
        return _End(len(text), "")
    after = text[found[-1].end :]
    if any(c.isalnum() for c in after) or after[:1] in tuple(_SENTENCE_MARKS):
        return _End(len(text), "")
    start = found[-1].start
    for tag in reversed(found[:-1]):
        if text[tag.end : start].strip(_SEPARATORS):
            break
        start = tag.start
    rest = after.strip()
    return _End(start, f" {rest}" if rest else "")


def _may_begin(text: str, start: int, found: list[Hashtag]) -> bool:
    """Whether a hashtag may begin here: not within a word, an entity or an address."""
    if start == 0 or (found and found[-1].end == start):
        return True
    before = text[start - 1]
    return not (_is_of_word(before) or before in ("&", "/", *_SIGNS))


def _is_of_word(character: str) -> bool:
    if character.isalnum() or character in ("_", *_JOINERS):
        return True
    return unicodedata.category(character) in ("Mn", "Mc") and character not in _EMOJI_EXTRAS


def _is_emoji(character: str) -> bool:
    return character in _EMOJI_EXTRAS or unicodedata.category(character) in ("So", "Sk", "Cs")
