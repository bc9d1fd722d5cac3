"""A request → the instructions in it that a caption can be held to; pure, English.

Read by patterns, which are made to overlook rather than to misread: a wish that is said in another
way, such as "about ten words" or a tone, is not measured. Not here: whether a caption obeys them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from caption_studio.language.prompt import one_line
from caption_studio.training.evaluation.measures.amounts import Unit, asked_amounts
from caption_studio.training.evaluation.measures.languages import asked_language
from caption_studio.training.evaluation.measures.mentions import asked_mentions

Kind = Literal[
    "no_hashtags",
    "hashtags_exactly",
    "hashtags_at_most",
    "hashtags_at_least",
    "no_emoji",
    "emoji_exactly",
    "emoji_at_most",
    "emoji_at_least",
    "words_exactly",
    "words_at_most",
    "words_at_least",
    "characters_exactly",
    "characters_at_most",
    "characters_at_least",
    "short",
    "question",
    "alt_text",
    "language",
    "mention",
    "no_mention",
    "without_word",
]


@dataclass(frozen=True, slots=True)
class Instruction:
    """One wish: `number` is that of an amount, `text` a language, a name or a word."""

    kind: Kind
    number: int = 0
    text: str = ""


_NOT = r"(?:\bnot|n't|\bnever|\bno|\bwithout|\binstead of|\bisn't|\btoo)"
_BRIEF = r"(?:short|brief|concise|succinct|terse)"
_TEXT = (
    r"(?:captions?|texts?|posts?|sentence|line|message|comment|note|one|version|description|alt)"
)
_SHORT = re.compile(
    rf"\b(?:keep|keeping|make|something|very|really|super|as)\s+"
    rf"(?:it |this |that |them |this one |the caption |the text |the post |your answer )?"
    rf"(?:very |really |quite |super |nice and |rather |as )*{_BRIEF}\b"
    rf"|\b(?:be|stay) (?:very |really )?{_BRIEF}\b(?! (?:in|on|at|with|about)\b)"
    rf"|\b{_BRIEF},?(?: \w+){{0,2}} {_TEXT}\b|\bshort and sweet\b"
    rf"|(?:^|[,;.] ?){_BRIEF}(?:,? please)?(?=[,;.!]|$)"
    rf"|\b(?:just|only) a (?:few|couple of|handful of) words\b|\bbriefly\b"
)
_NOT_SHORT = re.compile(rf"{_NOT}\s(?:\w+\s){{0,3}}{_BRIEF}\b|\b{_BRIEF}[- ]sleeve")
_AUDIENCE = (
    "(?:followers|readers|audience|people|everyone|everybody|viewers|friends|fans|community)"
)
_QUESTION = re.compile(
    r"\b(?:ask|asks|asking|pose|posing|as|end|ends|ending|finish|finishes|finishing|close|closing|"
    r"make|phrase|phrased|put|turn|write|include|add|with|into|be|need|want)\b"
    r"[^.!?;,]{0,40}?\bquestions?\b(?! marks?)"
    r"|\b(?:end|finish|close)\w*\b[^.!?;,]{0,30} with a question mark\b"
    rf"|\bask(?: \w+){{0,3}} (?:{_AUDIENCE}|something|them what|them whether)\b"
)
_NO_QUESTION = re.compile(rf"{_NOT}\s(?:\w+\s){{0,3}}(?:questions?(?! marks?)|ask)\b")
_ALT_TEXT = re.compile(
    r"\balt(?:ernative)?[- ]?texts?\b|\b(?:for|to|by|with) (?:a |the |people with )?"
    r"(?:\w+ ){0,3}screen ?readers?\b"
)
_NO_ALT_TEXT = re.compile(rf"{_NOT}\s(?:\w+\s){{0,3}}alt(?:ernative)?[- ]?text")
_WITHOUT_WORDS = re.compile(
    r"\b(?:without|avoid|not use|never use|don't use|leave out) the words? ([^.;!?]+)"
)


@lru_cache(maxsize=4096)
def asked(request: str) -> tuple[Instruction, ...]:
    """Return the instructions of a request, each once."""
    text = one_line(request).replace("\u2019", "'")
    return tuple(dict.fromkeys(_read(text, text.lower()))) if text else ()


def _read(text: str, small: str) -> Iterator[Instruction]:
    for amount in asked_amounts(small):
        if amount.bound == "exactly" and amount.number == 0:
            yield from _none_of(amount.unit)
        else:
            yield Instruction(_KINDS[amount.unit, amount.bound], amount.number)
    if _SHORT.search(small) and not _NOT_SHORT.search(small):
        yield Instruction("short")
    if _QUESTION.search(small) and not _NO_QUESTION.search(small):
        yield Instruction("question")
    if _ALT_TEXT.search(small) and not _NO_ALT_TEXT.search(small):
        yield Instruction("alt_text")
    if language := asked_language(small):
        yield Instruction("language", text=language)
    for name, wanted in asked_mentions(text):
        yield Instruction("mention" if wanted else "no_mention", text=name)
    for found in _WITHOUT_WORDS.finditer(small):
        for word in re.split(r",| and | or ", found[1]):
            if word.strip(" '\""):
                yield Instruction("without_word", text=word.strip(" '\""))


def _none_of(unit: Unit) -> Iterator[Instruction]:
    if unit == "hashtags":
        yield Instruction("no_hashtags")
    elif unit == "emoji":
        yield Instruction("no_emoji")


_KINDS: dict[tuple[Unit, str], Kind] = {
    ("hashtags", "exactly"): "hashtags_exactly",
    ("hashtags", "at_most"): "hashtags_at_most",
    ("hashtags", "at_least"): "hashtags_at_least",
    ("emoji", "exactly"): "emoji_exactly",
    ("emoji", "at_most"): "emoji_at_most",
    ("emoji", "at_least"): "emoji_at_least",
    ("words", "exactly"): "words_exactly",
    ("words", "at_most"): "words_at_most",
    ("words", "at_least"): "words_at_least",
    ("characters", "exactly"): "characters_exactly",
    ("characters", "at_most"): "characters_at_most",
    ("characters", "at_least"): "characters_at_least",
}
