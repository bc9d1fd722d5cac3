"""A request in small letters → the amounts of hashtags, emoji, words and characters it asks for."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from caption_studio.training.evaluation.measures.figures import NUMBER_WORDS, POWERS, with_figures
from caption_studio.training.evaluation.measures.refusals import SIGNS, is_refused, is_wanted

Unit = Literal["hashtags", "emoji", "words", "characters"]
Bound = Literal["exactly", "at_most", "at_least"]


@dataclass(frozen=True, slots=True)
class Amount:
    """So many of a unit; none is exactly 0."""

    unit: Unit
    bound: Bound
    number: int


_UNITS: dict[Unit, str] = {
    "hashtags": SIGNS["hashtags"],
    "emoji": SIGNS["emoji"],
    "words": r"words?",
    "characters": r"(?:characters?|chars?|letters?)",
}
_VALUES = NUMBER_WORDS | {"single": 1}
_IN_WORDS = rf"(?:{'|'.join(_VALUES)})"
_NUMBER = (
    # Not part of a fraction, of a pair such as "2/3", or after "~" or "<".
    r"(?<!\d[.,])(?<![~<>/\u2248\u2264\u2265])(?<![~<>/\u2248\u2264\u2265] )"
    rf"(?:\d{{1,5}}(?![.,]?\d)|{_IN_WORDS}\b)"
)
_ADJECTIVE = rf"(?:(?!\d|(?:{_IN_WORDS}|{'|'.join(POWERS)}|dozen)\b)\w+ )?"

_WORDS_OF_A_PICTURE = 1000
"""A picture says more than a thousand words; nobody asks for a caption of so many."""

_TEXTS: tuple[tuple[Bound | Literal["below", "above", "about"], str], ...] = (
    (
        "at_most",
        r"at(?: the)? most|(?:no|not) (?:more|longer) than|max(?:imum|imal|\.)?(?: of)?|up to|"
        r"not over|within|limit(?:ed)?(?: it| them| yourself)? to|not exceed(?:ing)?|"
        r"(?:no|not) over",
    ),
    ("below", r"(?:fewer|less|shorter) than|under|below"),
    ("at_least", r"at(?: the)? least|(?:no|not) (?:fewer|less) than|min(?:imum|\.)?(?: of)?"),
    ("above", r"(?:more|longer) than|over"),
    ("about", r"about|around|roughly|approximately|approx\.?|some|circa|ca\.?|nearly|almost"),
    ("exactly", r"exactly|precisely|just|only"),
)
_BEFORE = tuple((bound, re.compile(rf"\b(?:{words})\s*(?:a |the )?$")) for bound, words in _TEXTS)
_AFTER: tuple[tuple[Bound, re.Pattern[str]], ...] = (
    (
        "at_most",
        re.compile(
            r"\W{0,2}(?:at(?: the)?(?: very)? most|max\b|maximum|or (?:less|fewer)|tops|"
            r"(?:is|are) (?:plenty|enough|the most|(?:my|the|our)(?: \w+)? (?:limit|maximum)))"
        ),
    ),
    ("at_least", re.compile(r"\W{0,2}(?:at(?: the)? least|min\b|minimum|or more)")),
)
_FROM = re.compile(rf"(?:between )?\b({_NUMBER})\s*(?:-|\u2013|to|or|and)\s*$")
_OF_NO_CAPTION = re.compile(
    r"\b(?:the|these|those|my|your|of|in|first|last|next|had|used|saw|got|not|has|were|than)\s+$"
)
_NEGATED = re.compile(r"(?:n't|\bnot|\bnever|\bno|\bwithout)(?: \w+){0,4}\s*$")


def asked_amounts(request: str) -> Iterator[Amount]:
    """Yield the amounts; of a unit that none is asked of, no other."""
    for unit in get_args(Unit):
        is_sign = unit in SIGNS
        if is_sign and is_refused(unit, request):
            yield Amount(unit, "exactly", 0)
            continue
        numbered = list(_numbered(unit, with_figures(request)))
        yield from numbered
        if is_sign and not numbered and is_wanted(unit, request):
            yield Amount(unit, "at_least", 1)


def _numbered(unit: Unit, request: str) -> Iterator[Amount]:
    joined = "[- ]" if unit in ("words", "characters") else " "
    numbers = re.finditer(rf"\b({_NUMBER}){joined}{_ADJECTIVE}{_UNITS[unit]}\b", request)
    for found in (*numbers, *_said_after(unit, request)):
        before, after = request[: found.start(1)], request[found.end() :]
        number = _value(found[1])
        if unit == "words" and number >= _WORDS_OF_A_PICTURE:
            continue
        if first := _FROM.search(before):
            bound, _ = _bound(before[: first.start()], after)
            if bound not in ("at_most", "about"):
                yield Amount(unit, "at_least", _value(first[1]))
            if bound not in ("at_least", "about"):
                yield Amount(unit, "at_most", number)
            continue
        bound, step = _bound(before, after)
        if bound is None:
            bound = _unsaid_bound(unit, before, after, is_compound="-" in found[0])
        if bound is not None and bound != "about" and number + step >= 0:
            yield Amount(unit, bound, number + step)


def _said_after(unit: Unit, request: str) -> Iterator[re.Match[str]]:
    """Find "hashtags down to two", which sets a limit, with the number as group 1."""
    yield from re.finditer(
        rf"\b{_UNITS[unit]}(?: down)? to (?:at most |a maximum of )?({_NUMBER})\b"
        r"(?= or (?:fewer|less)| at| please|[.,;!]|$)",
        request,
    )


def _bound(before: str, after: str) -> tuple[Bound | Literal["about"] | None, int]:
    """Return how a number is meant, and what "fewer than" and "more than" add to it."""
    for later, pattern in _AFTER:
        if pattern.match(after):
            return later, 0
    for bound, pattern in _BEFORE:
        if (found := pattern.search(before)) is None:
            continue
        negated = _NEGATED.search(before[: found.start()]) is not None
        if bound == "below":
            return ("at_least", 0) if negated else ("at_most", -1)
        if bound == "above":
            return ("at_most", 0) if negated else ("at_least", 1)
        return bound, 0
    return None, 0


def _unsaid_bound(unit: Unit, before: str, after: str, *, is_compound: bool) -> Bound | None:
    """Return how a number without a word for it is meant."""
    if unit in ("hashtags", "emoji"):
        return None if _OF_NO_CAPTION.search(before) else "exactly"
    if is_compound or re.match(r" (?:caption|text|post|sentence)\b", after):
        return "exactly" if unit == "words" else "at_most"
    return "at_most" if re.search(r"\bin (?:a )?$", before) else None


def _value(text: str) -> int:
    return int(text) if text.isdecimal() else _VALUES[text]
