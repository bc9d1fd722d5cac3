"""A text → the same text without the words to avoid, tidy where one was; pure.

A hashtag that holds such a word goes as a whole. An article or a preposition that has lost its
noun goes with it.
"""

import regex

from caption_studio.hashtags import find_hashtags
from caption_studio.voices.keeping.avoided import Avoided, Place, avoided, holds_avoided, places
from caption_studio.voices.keeping.function_words import ARTICLES, ENDLESS, LINKS
from caption_studio.voices.keeping.seams import joined

_PASSES = 8
"""Cutting out can bring two words together that must go too; two passes are usual."""

_PAUSE = regex.compile(r"[,.;:!?…)\]\n\u3001\u3002\uff0c\uff01\uff1f]")
_QUOTES = "'\u2019"
_NEAR = 8
"""Characters within which punctuation beside a word is looked for."""


def without_words(text: str, terms: tuple[str, ...]) -> str:
    """Return the text without the terms; empty in the rare case that they cannot be cut out."""
    unwanted = avoided(terms)
    for _ in range(_PASSES):
        if not holds_avoided(text, terms):
            return text
        for literal in unwanted.literals:
            text = joined(text.split(literal)) if literal in text else text
        text = _without_spans(text, _Cutting(text, unwanted).spans())
    return ""


def _without_spans(text: str, spans: list[tuple[int, int]]) -> str:
    if not spans:
        return text
    pieces, position = [], 0
    for start, end in spans:
        if start >= position:
            pieces.append(text[position:start])
        position = max(position, end)
    tidy = joined([*pieces, text[position:]])
    first = text[: spans[0][0]].strip()
    begun_large = not first and text[spans[0][0]].isupper()
    if begun_large and len(tidy[:1].upper()) == 1:
        tidy = tidy[:1].upper() + tidy[1:]
    return tidy


class _Cutting:
    """One pass over a text's words: `_kept` never ends with an unwanted term."""

    def __init__(self, text: str, unwanted: Avoided) -> None:
        self._text = text
        self._unwanted = unwanted
        self._kept: list[Place] = []
        self._spans: list[tuple[int, int]] = []
        self._apart = False
        """Whether a clause ended before a word that was cut out just now."""

    def spans(self) -> list[tuple[int, int]]:
        """Return the places of all that is to go, in their order."""
        gone = {t for t in find_hashtags(self._text) if self._unwanted.is_in_hashtag(t.word)}
        self._spans = [(tag.start, tag.end) for tag in gone]
        just_cut = False
        for found in places(self._text):
            if found.tag in gone:
                if just_cut:
                    self._drop_leaders(None)
                just_cut, self._apart = True, True
                continue
            if just_cut:
                self._drop_leaders(found)
            self._kept.append(Place(found.word, found.tag, found.apart or self._apart))
            self._apart = False
            number = self._unwanted.match(self._kept)
            for _ in range(number):
                self._cut_last()
            just_cut = number > 0
        if just_cut:
            self._drop_leaders(None)
        return sorted(self._spans)

    def _cut_last(self) -> None:
        place = self._kept.pop()
        self._apart = self._apart or place.apart
        start, end = place.word.start, place.word.end
        if place.tag:
            start, end = place.tag.start, place.tag.end
        elif self._text[end - 1 : end] in ("s", "S") and self._text[end : end + 1] in tuple(
            _QUOTES
        ):
            end += self._text[max(start - 1, 0)] not in _QUOTES
        if self._kept and self._kept[-1].word.end == start - 1 and self._text[start - 1] in _QUOTES:
            start = self._kept.pop().word.start  # the elided article of a French or Italian noun
        self._spans.append((start, end))

    def _drop_leaders(self, following: Place | None) -> None:
        """Cut the words that led to what was cut out, if they cannot lead to what follows."""
        ends = following is None or following.tag is not None or self._pauses(following)
        key = "" if following is None else following.word.key
        if not ends and key not in ENDLESS:
            return
        leaders = ENDLESS if ends or key in LINKS else ARTICLES
        while self._kept and not self._apart:
            last = self._kept[-1]
            if last.tag or last.word.key not in leaders:
                return
            if self._pauses_after(last):
                return
            self._cut_last()

    def _pauses(self, place: Place) -> bool:
        start = place.word.start
        before = self._text[max(start - _NEAR, 0) : start].rstrip(" \t")[-1:]
        return place.apart or bool(_PAUSE.match(before))

    def _pauses_after(self, place: Place) -> bool:
        after = self._text[place.word.end : place.word.end + _NEAR].lstrip(" \t")[:1]
        return bool(_PAUSE.match(after))
