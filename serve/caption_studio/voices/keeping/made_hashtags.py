"""A description → words that make hashtags for its picture, the most telling first; pure."""

from collections.abc import Iterator
from itertools import pairwise

import regex

from caption_studio.hashtags import find_hashtags
from caption_studio.voices.keeping.avoided import holds_avoided
from caption_studio.voices.keeping.emoji import has_emoji
from caption_studio.voices.keeping.folding import fold
from caption_studio.voices.keeping.function_words import ENDLESS

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+", regex.V1)
_SAYS_LITTLE = frozenset(
    "one two three four five six seven eight nine ten several many few some couple pair lot there "
    "here this that these those it he she they we you i me us them him what all more most much "
    "just only also too has have had do does did can will would could should being been "
    "am don didn isn picture photo image view background foreground front side top bottom next "
    "standing sitting lying looking holding wearing day".split()
)
_COLOURS = frozenset(
    "red orange yellow green blue purple pink white black brown grey gray gold golden silver beige "
    "dark light bright large small big little old new young".split()
)
_MIN_LETTERS = 3
_MAX_LETTERS = 30


def made_hashtags(description: str, caption: str, terms: tuple[str, ...]) -> Iterator[str]:
    """Yield words for hashtags, without their sign, none twice and none that holds a term.

    First the description's words, the longest first and those for colour and size last, then
    pairs of neighbours, then the caption's words.
    """
    told, said = _content(description), _content(caption)
    ranked = sorted(told, key=lambda word: (word in _COLOURS, -len(word)))
    pairs = [one + other for one, other in pairwise(told)]
    for word in dict.fromkeys([*ranked, *pairs, *sorted(said, key=len, reverse=True)]):
        if _is_one_hashtag(word) and not holds_avoided(f"#{word}", terms):
            yield word


def same_hashtag(word: str) -> str:
    """Return a key that is equal for hashtags which platforms take for one."""
    return fold(word).text or word


def _content(text: str) -> list[str]:
    found = (word.casefold() for word in _WORD.findall(text))
    return [w for w in found if w not in ENDLESS and w not in _SAYS_LITTLE and _is_fit(w)]


def _is_fit(word: str) -> bool:
    least = _MIN_LETTERS if word.isascii() else _MIN_LETTERS - 1
    return least <= len(word) <= _MAX_LETTERS and not word.isdigit()


def _is_one_hashtag(word: str) -> bool:
    found = find_hashtags(f"#{word}")
    return len(found) == 1 and found[0].word == word and not has_emoji(word)
