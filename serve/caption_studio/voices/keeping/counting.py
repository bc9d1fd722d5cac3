"""A text → its number of characters, in the ways in which platforms count; pure.

Each count is the sum of the counts of the text's graphemes, the characters that a reader sees.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import regex

from caption_studio.voices.keeping.emoji import has_emoji

# Flags by themselves: for the n-th letter of a run of them, \X looks back over all n.
_GRAPHEME = regex.compile(r"\p{Regional_Indicator}{1,2}+[\p{M}\u200D]*+|\X", regex.V1)
_LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
"""Code points that count as one character on X, all others as two (twitter-text, v3.json)."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A text may count `most` at most."""

    count: Callable[[str], int]
    most: int

    def less(self, text: str) -> "Limit":
        """Return the limit of what stands beside `text`."""
        return Limit(self.count, self.most - self.count(text))


def split_graphemes(text: str) -> list[str]:
    """Return the characters that a reader sees."""
    found: list[str] = _GRAPHEME.findall(text)
    return found


def graphemes(text: str) -> int:
    """Count the characters that a reader sees."""
    return len(split_graphemes(text))


def utf16_units(text: str) -> int:
    """Count as JavaScript and the web pages of most platforms do."""
    return len(text) + sum(c > "\uffff" for c in text)


def utf8_bytes(text: str) -> int:
    """Count the bytes of UTF-8."""
    return len(text.encode("utf-8", "surrogatepass"))


def for_threads(text: str) -> int:
    """Count characters, but the bytes of an emoji."""
    if text.isascii():
        return len(text)
    return sum(utf8_bytes(g) if has_emoji(g) else len(g) for g in split_graphemes(text))


def for_x(text: str) -> int:
    """Count an emoji and most characters beyond the European alphabets as two."""
    if text.isascii():
        return len(text)
    return sum(2 if has_emoji(g) else sum(map(_weight, g)) for g in split_graphemes(text))


def fits(text: str, limits: Sequence[Limit]) -> bool:
    """Tell whether a text is within all limits."""
    return all(limit.count(text) <= limit.most for limit in limits)


def fitting_ends(text: str, limits: Sequence[Limit]) -> list[int]:
    """Return the ends of the leading graphemes that are within all limits together."""
    ends, end = [], 0
    counts = [0] * len(limits)
    for grapheme in split_graphemes(text):
        counts = [n + limit.count(grapheme) for n, limit in zip(counts, limits, strict=True)]
        if any(n > limit.most for n, limit in zip(counts, limits, strict=True)):
            break
        end += len(grapheme)
        ends.append(end)
    return ends


def _weight(character: str) -> int:
    return 1 if any(low <= ord(character) <= high for low, high in _LIGHT) else 2
