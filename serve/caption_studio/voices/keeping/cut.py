"""A text and limits → the longest beginning of it that is within them and reads well; pure.

It ends at a word's end, never inside a grapheme or a hashtag. Words and marks that lead to a
next word go too. A sentence's end nearby is a better place than the last word. A single word
over the limit is cut inside.
"""

from collections.abc import Sequence

import regex

from caption_studio.hashtags import find_hashtags
from caption_studio.voices.keeping.counting import Limit, fits, fitting_ends
from caption_studio.voices.keeping.emoji import has_emoji
from caption_studio.voices.keeping.function_words import ENDLESS
from caption_studio.voices.keeping.seams import needs_no_spaces

_SENTENCE_SHARE = 0.6
"""A cut at a sentence's end may lose so much of what would fit, and no more."""

_SENTENCE_END = regex.compile(r"[.!?…\u3002\uff01\uff1f][\"'\u201d\u2019)\]]*(?=\s|$)")
_LEADING_MARKS = " \t\r\n\u00a0\u3000,;:\u3001\uff0c-\u2013\u2014/&+([{\u201c\u2018«¿¡@"


def cut(text: str, limits: Sequence[Limit]) -> str:
    """Return the text, or its beginning if it is over a limit; it may be empty."""
    if fits(text, limits):
        return text
    end = _last_place(text, fitting_ends(text, limits))
    begun = text[:end].rstrip()
    sentence = 0
    for found in _SENTENCE_END.finditer(begun):
        sentence = found.end()
    if sentence >= _SENTENCE_SHARE * len(begun):
        return begun[:sentence]
    return without_leading_words(begun)


def without_leading_words(text: str) -> str:
    """Return the text without the words and marks at its end that lead to a next word."""
    ended = text.rstrip(_LEADING_MARKS)
    while ended:
        space = max(ended.rfind(" "), ended.rfind("\n"))
        if ended[space + 1 :].casefold() not in ENDLESS:
            return ended
        ended = ended[: max(space, 0)].rstrip(_LEADING_MARKS)
    return text.rstrip(_LEADING_MARKS)


def _last_place(text: str, ends: list[int]) -> int:
    """Return the last of `ends` that is between words; the last of all if none is."""
    tags = find_hashtags(text)
    for end in reversed(ends):
        while tags and tags[-1].start >= end:
            tags.pop()
        if tags and end < tags[-1].end:
            continue
        if _is_between_words(text, end):
            return end
    return _last_outside_hashtags(text, ends)


def _is_between_words(text: str, end: int) -> bool:
    left, right = text[end - 1], text[end : end + 1]
    if not right or left.isspace() or right.isspace():
        return True
    return any(needs_no_spaces(c) or has_emoji(c) for c in (left, right))


def _last_outside_hashtags(text: str, ends: list[int]) -> int:
    last = ends[-1] if ends else 0
    for tag in find_hashtags(text):
        if tag.start < last < tag.end:
            return tag.start
    return last
