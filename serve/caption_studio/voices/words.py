"""Controls → their words in the prompt; pure.

Adapters are trained on these very words: a change of one is a change of the prompt that they
know. Callers' texts in them (tone, language, words to avoid) are data on one line.
"""

from collections.abc import Container
from typing import get_args

from caption_studio.language.prompt import one_line
from caption_studio.records import ControlName, Controls
from caption_studio.voices.platforms import PLATFORMS

NAMES: tuple[ControlName, ...] = get_args(ControlName)
"""The controls, in the order in which their words stand in the prompt."""

LANGUAGES = {
    "ar": "Arabic",
    "bn": "Bengali",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "en-gb": "British English",
    "en-us": "American English",
    "es": "Spanish",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "he": "Hebrew",
    "hi": "Hindi",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "nb": "Norwegian",
    "nl": "Dutch",
    "no": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "pt-br": "Brazilian Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sv": "Swedish",
    "ta": "Tamil",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "vi": "Vietnamese",
    "zh": "Chinese",
    "zh-hans": "Simplified Chinese",
    "zh-hant": "Traditional Chinese",
}
"""English names of languages by their BCP 47 tags in small letters."""


def words(controls: Controls, trained: Container[str]) -> str:
    """Return the words of the controls that a voice was trained for, by their names."""
    said = _phrases(controls)
    return ", ".join(said[name] for name in NAMES if name in trained and said[name])


def fields(controls: Controls) -> dict[str, str]:
    """Return each control's bare value for a template's field of its name; empty if not given."""
    return {
        "platform": PLATFORMS[controls.platform].title if controls.platform else "",
        "tone": one_line(controls.tone or ""),
        "length": _length(controls.length),
        "hashtags": "" if controls.hashtags is None else str(controls.hashtags),
        "emoji": {None: "", True: "yes", False: "no"}[controls.emoji],
        "language": language_name(controls.language or ""),
        "avoid": ", ".join(_avoided(controls)),
    }


def language_name(tag: str) -> str:
    """Return a language's English name, without its region if that is unknown; else the tag."""
    small = tag.strip().lower().replace("_", "-")
    return LANGUAGES.get(small) or LANGUAGES.get(small.partition("-")[0]) or one_line(tag)


def _phrases(controls: Controls) -> dict[str, str]:
    values = fields(controls)
    avoid = "words" if len(_avoided(controls)) > 1 else "word"
    return {
        "platform": f"for {values['platform']}" if values["platform"] else "",
        "tone": f"in {_article(values['tone'])} {values['tone']} tone" if values["tone"] else "",
        "length": values["length"],
        "hashtags": _hashtags(controls.hashtags),
        "emoji": {None: "", True: "with emoji", False: "no emoji"}[controls.emoji],
        "language": f"in {values['language']}" if values["language"] else "",
        "avoid": f"without the {avoid} {values['avoid']}" if values["avoid"] else "",
    }


def _length(length: str | int | None) -> str:
    if isinstance(length, int):
        return f"at most {length} characters"
    return length or ""


def _hashtags(number: int | None) -> str:
    if number is None:
        return ""
    if number == 0:
        return "no hashtags"
    return "with 1 hashtag" if number == 1 else f"with {number} hashtags"


def _avoided(controls: Controls) -> list[str]:
    return [folded for term in controls.avoid if (folded := one_line(term))]


def _article(word: str) -> str:
    return "an" if word[0].lower() in "aeiou" else "a"
