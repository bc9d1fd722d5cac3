"""A caption → its parts: the caption without hashtags, the hashtags, an alternative text; pure.

Hashtags at the caption's end are removed; one within a sentence stays as its word. What a
hashtag is, `hashtags.py` says.
"""

import unicodedata
from dataclasses import dataclass

from caption_studio.hashtags import (
    EMOJI_EXTRAS,
    SEPARATORS,
    end_without_hashtags,
    find_hashtags,
)

ALT_TEXT_LENGTH = 125
"""Characters: some screen readers read no more of an `alt` attribute in one go."""


@dataclass(frozen=True, slots=True)
class CaptionParts:
    """The parts of a caption. The hashtags have no sign, and each is there once."""

    caption: str
    hashtags: tuple[str, ...]


def caption_parts(text: str) -> CaptionParts:
    """Return the parts of a caption."""
    found = find_hashtags(text)
    cut = end_without_hashtags(text, found)
    kept, position = [], 0
    for tag in found:
        if tag.start < cut.start:
            kept += [text[position : tag.start], tag.word]
            position = tag.end
    kept += [text[position : cut.start].rstrip(SEPARATORS), cut.rest]
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


def _is_emoji(character: str) -> bool:
    return character in EMOJI_EXTRAS or unicodedata.category(character) in ("So", "Sk", "Cs")
