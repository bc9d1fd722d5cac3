"""A request in small letters → whether it refuses hashtags or emoji, or asks for some; pure."""

import re
from typing import Literal

Sign = Literal["hashtags", "emoji"]

SIGNS: dict[Sign, str] = {
    "hashtags": r"(?:hash[ -]?tags?)",
    "emoji": r"(?:emojis?|emoticons?|smileys?)",
}

_DETERMINERS = (
    r"(?:any|the|a|an|one|of|all|every|each|both|your|my|those|these|kind|more|silly|extra|single|"
    r"such|unnecessary)"
)
_VERBS = r"(?:use|want|need|add|include|put|like|have|write|insert)(?: in)?"
_NEGATION = (
    r"(?<!n't )(?<!not )(?<!never )"
    r"\b(?:no|without|zero|skip|omit|drop|avoid|exclude|ban|neither|leave out|leave off|free of|"
    r"refrain from|not (?=one|a single|any)|"
    r"(?:(?:do|does|did|should|must|will|can|could|would) ?n[o']t|never|not|cannot)"
    rf"(?: ever| again)? {_VERBS})(?: using| adding| including)?"
)
_OTHERS = rf"(?:{'|'.join(SIGNS.values())}|links?|mentions?|quotes?|questions?)"
_AND = r"(?:, ?)?(?:/|&| or | and | nor ) ?"
_GONE = (
    r"(?:left out|leave (?:them|it|those|these) (?:out|off|away)|(?:do not|don't|never) "
    r"(?:use|add|include|put) (?:them|those|these|any)(?=[.,;!]|$| please| in\b)|"
    r"without (?:them|those|these|any)(?=[.,;!]|$)|(?:use|so|need|want|with) none\b|"
    r"none of (?:them|those|these)\b|(?:not|aren't) welcome|not belong|no place)"
)
_POSITIVE = (
    r"\b(?:with|use|using|add|adding|include|including|put in|put|insert|want|some|"
    r"a few|plenty of|lots of|sprinkle in)"
    r"(?: (?:some|a|few|a few|lots of|plenty of|the|relevant|fun|nice|fitting|matching|good|"
    r"popular|trending|cute|suitable|happy|colourful|colorful|emojis? and|hash ?tags? and))*"
)
_DOUBT = re.compile(
    r"(?:n't|\bnot|\bnever|\bno|\bwithout|\brefrain from|\bfine|\bok(?:ay)?|\bhappy|\bbut)"
    r"(?: \w+){0,2} $"
)


def is_refused(sign: Sign, request: str) -> bool:
    """Tell whether the request wants none."""
    word = SIGNS[sign]
    determiners = rf"(?: ?\b{_DETERMINERS}\b)*"
    listed = rf"(?:{determiners} {_OTHERS}{_AND}{_DETERMINERS}?)*"
    return bool(
        re.search(rf"{_NEGATION}(?:{determiners}|{listed}) ?\b{word}\b", request)
        or re.search(rf"\b(?:leave|keep){determiners} {word} (?:out|off|away)\b", request)
        or re.search(rf"\b{word}[- ](?:free|less)\b", request)
        or _is_refused_later(sign, request)
    )


def _is_refused_later(sign: Sign, request: str) -> bool:
    """Tell whether "leave them out" or the like follows, and can only mean this sign."""
    if any(re.search(rf"\b{word}\b", request) for other, word in SIGNS.items() if other != sign):
        return False
    return bool(re.search(rf"\b{SIGNS[sign]}\b(?!.*\d).{{0,160}}?\b{_GONE}", request))


def is_wanted(sign: Sign, request: str) -> bool:
    """Tell whether the request wants some, without saying how many."""
    found = re.search(rf"{_POSITIVE} {SIGNS[sign]}\b", request)
    return found is not None and _DOUBT.search(request[: found.start()]) is None
