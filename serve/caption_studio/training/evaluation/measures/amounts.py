"""A request in small letters → the amounts of hashtags, emoji, words and characters it asks for."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

Unit = Literal["hashtags", "emoji", "words", "characters"]
Bound = Literal["exactly", "at_most", "at_least"]


@dataclass(frozen=True, slots=True)
class Amount:
    """So many of a unit; none is exactly 0."""

    unit: Unit
    bound: Bound
    number: int


_UNITS: dict[Unit, str] = {
    "hashtags": r"(?:hash ?tags?|hash-tags?)",
    "emoji": r"(?:emojis?|emoticons?|smileys?)",
    "words": r"words?",
    "characters": r"(?:characters?|chars?|letters?)",
}
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "hundred": 100}
_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
NUMBER_WORDS = {word: n for n, word in enumerate(_WORDS.split())} | _TENS
_VALUES = NUMBER_WORDS | {"single": 1}
_NUMBER = rf"(?:\d{{1,4}}|a hundred|{'|'.join(_VALUES)})"
_ADJECTIVE = r"(?:\w+ )?"

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
    ("at_most", re.compile(r"\W{0,2}(?:at(?: the)? most|max\b|maximum|or (?:less|fewer)|tops)")),
    ("at_least", re.compile(r"\W{0,2}(?:at(?: the)? least|min\b|minimum|or more)")),
)
_FROM = re.compile(rf"(?:between )?\b({_NUMBER})\s*(?:-|\u2013|to|or|and)\s*$")
_OF_NO_CAPTION = re.compile(r"\b(?:the|these|those|my|your|of|in|first|last|next)\s+$")

_DETERMINERS = (
    r"(?:any|the|a|an|of|all|your|my|those|these|kind|more|silly|extra|single|such|unnecessary)"
)
_VERBS = r"(?:use|want|need|add|include|put|like|have|write|insert)(?: in)?"
_NEGATION = (
    r"(?<!n't )(?<!not )(?<!never )"
    r"\b(?:no|without|zero|skip|omit|drop|avoid|exclude|ban|leave out|leave off|free of|"
    rf"(?:(?:do|does|did|should|must|will|can|could|would) ?n[o']t|never|not|cannot) {_VERBS})"
    r"(?: using| adding| including)?"
)
_OTHERS = r"(?:hash ?tags?|emojis?|emoticons?|smileys?|links?|mentions?|quotes?|questions?)"
_AND = r"(?:, ?)?(?:/|&| or | and | nor ) ?"
_POSITIVE = (
    r"\b(?:with|use|using|add|adding|include|including|put in|put|insert|want|some|"
    r"a few|plenty of|lots of|sprinkle in)"
    r"(?: (?:some|a|few|a few|lots of|plenty of|the|relevant|fun|nice|fitting|matching|good|"
    r"popular|trending|cute|suitable|happy|colourful|colorful|emojis? and|hash ?tags? and))*"
)


def asked_amounts(request: str) -> Iterator[Amount]:
    """Yield the amounts; of a unit that none is asked of, no other."""
    for unit in get_args(Unit):
        if unit in ("hashtags", "emoji") and _is_refused(unit, request):
            yield Amount(unit, "exactly", 0)
            continue
        numbered = list(_numbered(unit, request))
        yield from numbered
        if not numbered and unit in ("hashtags", "emoji") and _is_wanted(unit, request):
            yield Amount(unit, "at_least", 1)


def _is_refused(unit: Unit, request: str) -> bool:
    word = _UNITS[unit]
    determiners = rf"(?: {_DETERMINERS})*"
    listed = rf"(?:{determiners} {_OTHERS}{_AND}{_DETERMINERS}?)*"
    return bool(
        re.search(rf"{_NEGATION}(?:{determiners}|{listed}) ?\b{word}\b", request)
        or re.search(rf"\b(?:leave|keep){determiners} {word} (?:out|off|away)\b", request)
        or re.search(rf"\b{word}[- ](?:free|less)\b", request)
    )


def _is_wanted(unit: Unit, request: str) -> bool:
    return bool(re.search(rf"(?<!n't )(?<!not ){_POSITIVE} {_UNITS[unit]}\b", request))


def _numbered(unit: Unit, request: str) -> Iterator[Amount]:
    joined = "[- ]" if unit in ("words", "characters") else " "
    for found in re.finditer(rf"\b({_NUMBER}){joined}{_ADJECTIVE}{_UNITS[unit]}\b", request):
        before, after = request[: found.start()], request[found.end() :]
        number = _value(found[1])
        if first := _FROM.search(before):
            bound, _ = _bound(before[: first.start()], after)
            if bound != "at_most":
                yield Amount(unit, "at_least", _value(first[1]))
            yield Amount(unit, "at_most", number)
            continue
        bound, step = _bound(before, after)
        if bound is None:
            bound = _unsaid_bound(unit, before, after, is_compound="-" in found[0])
        if bound is not None and bound != "about" and number + step >= 0:
            yield Amount(unit, bound, number + step)


def _bound(before: str, after: str) -> tuple[Bound | Literal["about"] | None, int]:
    """Return how a number is meant, and what "fewer than" and "more than" add to it."""
    for later, pattern in _AFTER:
        if pattern.match(after):
            return later, 0
    for bound, pattern in _BEFORE:
        if pattern.search(before):
            if bound == "below":
                return "at_most", -1
            return ("at_least", 1) if bound == "above" else (bound, 0)
    return None, 0


def _unsaid_bound(unit: Unit, before: str, after: str, *, is_compound: bool) -> Bound | None:
    """Return how a number without a word for it is meant."""
    if unit in ("hashtags", "emoji"):
        return None if _OF_NO_CAPTION.search(before) else "exactly"
    if is_compound or re.match(r" (?:caption|text|post|sentence)\b", after):
        return "exactly" if unit == "words" else "at_most"
    return "at_most" if re.search(r"\bin (?:a )?$", before) else None


def _value(text: str) -> int:
    return int(text) if text.isdecimal() else _VALUES[text.removeprefix("a ")]
