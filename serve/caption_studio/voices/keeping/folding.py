"""A text → its words without case, accents and invisible characters, and their places; pure.

Letters are taken apart (NFKD), their marks dropped, and case folded (Unicode 3.13). A word is a
run of letters and digits, an English apostrophe within it; of a script without spaces, such as
Chinese or Thai, each character is a word, so a phrase of it is found anywhere.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import regex

_SPACELESS = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
_LETTER = rf"[[\p{{L}}\p{{M}}\p{{N}}]--{_SPACELESS}]"
_ELISION = rf"(?:[cdjlmnst]|qu|un|dell|nell|sull|all|dall)(?='{_LETTER}{{2}})"
_WORD = regex.compile(rf"{_SPACELESS}|{_ELISION}|{_LETTER}++(?:'{_LETTER}++)*+", regex.V1)
_VOICED_KANA_MARKS = "\u3099\u309a"
_APOSTROPHES = "\u2019\u02bc\u2018`\u00b4"


@dataclass(frozen=True, slots=True)
class Word:
    """A folded word and its place in the text that it is from."""

    start: int
    end: int
    key: str


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text; character i of it is from character `origins[i]` of the original."""

    text: str
    origins: Sequence[int]
    length: int

    def origin_end(self, end: int) -> int:
        """Return where in the original the part ends that ends at `end` here."""
        return self.origins[end] if end < len(self.origins) else self.length


def fold(text: str) -> Folded:
    """Return the text folded, with its characters' origins."""
    if text.isascii():
        return Folded(text.lower().replace("`", "'"), range(len(text)), len(text))
    folded: list[str] = []
    origins: list[int] = []
    for index, character in enumerate(text):
        plain = fold_character(character)
        folded.append(plain)
        origins += [index] * len(plain)
    return Folded("".join(folded), origins, len(text))


def words(text: str) -> list[Word]:
    """Return the folded words of a text, in their order."""
    folded = fold(text)
    return [
        Word(folded.origins[m.start()], _end(folded, m.start(), m.end()), m.group())
        for m in _WORD.finditer(folded.text)
    ]


def keys(text: str) -> tuple[str, ...]:
    """Return the folded words of a text without their places."""
    return tuple(word.key for word in words(text))


def _end(folded: Folded, start: int, end: int) -> int:
    """Return the word's end; characters that unfold to several words belong to each of them."""
    return max(folded.origin_end(end), folded.origins[start] + 1)


@lru_cache(maxsize=4096)
def fold_character(character: str) -> str:
    """Return a character folded; it may be empty or several characters."""
    if character in _APOSTROPHES:
        return "'"
    plain = unicodedata.normalize("NFKD", character).casefold()
    plain = unicodedata.normalize("NFKD", plain)
    return "".join(c for c in plain if c in _VOICED_KANA_MARKS or not _is_dropped(c))


def _is_dropped(character: str) -> bool:
    return unicodedata.category(character) in ("Mn", "Me", "Cf")
