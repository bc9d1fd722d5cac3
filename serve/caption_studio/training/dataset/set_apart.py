"""An answer → the caption in it, or why it is none. Pure."""

import re
from dataclasses import dataclass

from caption_studio.training.dataset.items import CUT_OFF, Answer, Reason
from caption_studio.training.dataset.teaching.prompts import PLACE
from caption_studio.training.dataset.texts import caption_in, straight, words

ECHOED_WORDS = 8
ECHOED_SHARE = 0.5
"""A caption of which half stands in the prompt, so many words in a row, is no caption. Less is
what a prompt may ask for, such as a shop's address at the end."""

# What cannot be done is named with "I can't": "I can't believe this view" is a caption, and so is
# "I'm sorry, I can't stop looking at it".
_SEEN = r"(?:the\s+|this\s+|that\s+|your\s+|any\s+|an?\s+)?(?:image|picture|photo|content|request)"
_REFUSAL = re.compile(
    rf"""^\W*(?:(?:oh|unfortunately|sorry|apologies|i\s+apologi[sz]e|but|i(?:'m|\s+am)\s+(?:sorry|afraid))
      \W+)*(?:
      as\s+an?\s+(?:ai|artificial\s+intelligence|(?:large\s+)?language\s+model)\b
    | i(?:'m|\s+am)\s+(?:unable|not\s+able|not\s+allowed)\s+to\b
    | i(?:'m|\s+am)\s+(?:just\s+|only\s+)?an?\s+(?:ai|language\s+model)\b
    | i\s+(?:can't|cannot|can\s+not|won't|will\s+not|am\s+not\s+able\s+to)\s+(?:
        (?:assist|provide|create|write|generate|produce|comply|fulfil+)\b
        | help\s+(?:you|with)\b | do\s+that\b
        | (?:see|view|access|process|describe|identify|caption)\s+{_SEEN})
    | i\s+(?:must|have\s+to|need\s+to)\s+(?:decline|refuse)\b
    | (?:please|could\s+you|can\s+you)\s+(?:please\s+)?(?:provide|upload)\b
    | (?:there\s+is\s+)?no\s+(?:image|picture|description)\s+(?:was\s+|is\s+|has\s+been\s+)?
      (?:provided|attached|given)\b
    | es\s+tut\s+mir\s+leid\W+(?:aber\s+)?(?:das\s+kann\s+ich|ich\s+kann)\b
    | (?:je\s+suis\s+)?désolée?\W+(?:mais\s+)?je\s+ne\s+peux\s+pas\b
    | lo\s+siento\W+(?:pero\s+)?no\s+puedo\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_NUMBERED = re.compile(r"^\s*(?:(?:option|caption|version)\s*)?\d{1,2}\s*[.):]\s*\S", re.I | re.M)
_FILTERED = frozenset({"content_filter", "refusal", "safety"})


@dataclass(frozen=True, slots=True)
class Judged:
    """A caption, or the reason against it."""

    caption: str
    reason: Reason | None = None
    detail: str = ""


class Judge:
    """Tells captions from what a teacher writes else; knows the words of its prompt."""

    def __init__(self, template: str) -> None:
        self._runs = {run for part in template.split(PLACE) for run in _runs(part)}

    def judge(self, answer: Answer) -> Judged:
        """Return the caption in an answer of the teacher, or what it is instead."""
        if answer.unanswered:
            return Judged("", "unanswered", answer.unanswered)
        caption = caption_in(answer.text)
        if answer.finish_reason in _FILTERED:
            return Judged(caption, "refusal", f"finish reason {answer.finish_reason}")
        if not words(caption):
            is_cut = answer.finish_reason in CUT_OFF
            detail = "the tokens were used up before a word: raise --max-tokens" if is_cut else ""
            return Judged(caption, "empty", detail)
        if is_refusal(caption):
            return Judged(caption, "refusal")
        if self._is_echo(caption):
            return Judged(caption, "prompt echoed")
        if len(_NUMBERED.findall(answer.text)) > 1:
            return Judged(caption, "several captions")
        if answer.finish_reason in CUT_OFF:
            return Judged(caption, "cut off", "its tokens were used up: raise --max-tokens")
        return Judged(caption)

    def _is_echo(self, caption: str) -> bool:
        runs = _runs(caption)
        echoed = {
            place
            for start, run in enumerate(runs)
            if run in self._runs
            for place in range(start, start + ECHOED_WORDS)
        }
        return bool(runs) and len(echoed) >= ECHOED_SHARE * (len(runs) + ECHOED_WORDS - 1)


def is_refusal(caption: str) -> bool:
    """Return whether the text says that it is no caption, in English or a few other languages."""
    return _REFUSAL.match(straight(caption)) is not None


def _runs(text: str) -> list[tuple[str, ...]]:
    """Return each run of `ECHOED_WORDS` words, in their order."""
    found = words(text)
    return [tuple(found[at : at + ECHOED_WORDS]) for at in range(len(found) - ECHOED_WORDS + 1)]
