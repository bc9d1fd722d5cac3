"""A text and lists of offensive words → the words of the lists that it holds; pure but for `load`.

Only whole words count, so names of towns and surnames are safe. Seen through are: case, accents,
plurals, repeated letters, digits and signs for letters, and separators between letters
(`f.u.c.k`, `fu-ck`). Not seen through: letters of other scripts that look alike, and misspellings.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, product
from pathlib import Path

import regex

from caption_studio.voices.keeping.folding import fold

DEFAULT_LIST = Path(__file__).parent / "lists" / "en.txt"
MAX_WORDS = 10_000
_MAX_LETTERS = 40
_MIN_SPELLED = 3

_LOOKALIKES = {"0": "o", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "@": "a", "$": "s"}
_TWOFOLD = {"1": "il", "!": "il", "|": "il"}
_SAME = str.maketrans({**_LOOKALIKES, **dict.fromkeys("1!|l", "i")})
_BEGINNING = 4
_MAX_TWOFOLD = 4
"""More such signs in a word are read as one letter each time."""

_CHUNK = regex.compile(r"\S++")
_SIGN_OR_LETTER = r"[\p{L}\p{M}\p{N}@$!|]"
_TOKEN = regex.compile(rf"{_SIGN_OR_LETTER}++", regex.V1)
_SPELLED = regex.compile(
    rf"(?<!{_SIGN_OR_LETTER})(?:{_SIGN_OR_LETTER}(?P<gap>[^\p{{L}}\p{{M}}\p{{N}}@$!|]{{1,3}})"
    rf"(?:{_SIGN_OR_LETTER}(?P=gap))+{_SIGN_OR_LETTER})(?!{_SIGN_OR_LETTER})",
    regex.V1,
)


@dataclass(frozen=True, slots=True)
class WordList:
    """Words in folded form, by their letters without repetition; make it with `word_list`."""

    by_letters: dict[str, tuple[str, ...]]
    longest: int
    beginnings: frozenset[str]
    beginning: int

    def may_be_in(self, bare: str) -> bool:
        """Return whether a text, as `_bare` leaves it, holds the beginning of one of the words."""
        places = range(len(bare) - self.beginning + 1)
        return any(bare[place : place + self.beginning] in self.beginnings for place in places)

    def find(self, word: str) -> str | None:
        """Return the list's word that this folded word is, letters repeated or not, or None."""
        for singular in (word, word.removesuffix("s"), word.removesuffix("es")):
            for listed in self.by_letters.get(_once(singular), ()):
                if _repeats(singular, listed):
                    return listed
        return None


def word_list(words: Iterable[str]) -> WordList:
    """Return a list of these words; each is one word of letters. Raises `ValueError`."""
    by_letters: dict[str, list[str]] = {}
    number = 0
    for word in words:
        folded = fold(word.strip()).text
        if not folded.isalpha() or len(folded) > _MAX_LETTERS:
            raise ValueError(
                f"A word list holds {word.strip()!r}, which is not one word of letters."
            )
        by_letters.setdefault(_once(folded), []).append(folded)
        number += 1
    if number > MAX_WORDS:
        raise ValueError(f"A word list has over {MAX_WORDS} words.")
    listed = [word for found in by_letters.values() for word in found]
    bare = [_bare(word) for word in listed]
    beginning = min((_BEGINNING, *map(len, bare)))
    return WordList(
        {key: tuple(found) for key, found in by_letters.items()},
        max(map(len, listed), default=0),
        frozenset(word[:beginning] for word in bare),
        beginning,
    )


def load(path: Path) -> WordList:
    """Read a list from a UTF-8 file, one word a line, `#` before a comment.

    Raises `OSError` or `ValueError`.
    """
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return word_list(line for line in lines if line and not line.startswith("#"))


def flagged(text: str, lists: Iterable[WordList]) -> tuple[str, ...]:
    """Return the lists' words that the text holds, each once, in the text's order."""
    bare = _bare(text)
    lists = tuple(words for words in lists if words.may_be_in(bare))
    if not lists:
        return ()  # nearly always, and a twentieth of the work
    longest = max((words.longest for words in lists), default=0)
    found: dict[str, None] = {}
    for candidate in _candidates(fold(text).text, longest):
        for words in lists:
            if (listed := words.find(candidate)) is not None:
                found[listed] = None
    return tuple(found)


def _bare(text: str) -> str:
    """Return the letters of a text, however they are hidden, each run of equal ones as one.

    Letters that the same sign may stand for are the same here, so that it holds every word that the
    text does, and more.
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return _once("".join(filter(str.isalpha, folded.translate(_SAME))))


def _candidates(folded: str, longest: int) -> Iterator[str]:
    """Yield what may be words: tokens, chunks without their separators, letters spelled out."""
    for chunk in _CHUNK.finditer(folded):
        tokens: list[str] = _TOKEN.findall(chunk.group())
        for token in tokens:
            yield from _readings(token)
        if len(tokens) > 1 and sum(map(len, tokens)) <= _MAX_LETTERS:
            yield from _readings("".join(tokens))
    for spelled in _SPELLED.finditer(folded):
        letters = "".join(_TOKEN.findall(spelled.group()))
        for start in range(len(letters)):
            for end in range(start + _MIN_SPELLED, min(start + longest, len(letters)) + 1):
                yield letters[start:end]


def _readings(token: str) -> Iterator[str]:
    """Yield a token, and if it holds signs for letters, what it may be read as."""
    if (bare := token.strip("!|@$")) != token:
        yield from _readings(bare)
    yield token
    letters = sum(c.isalpha() for c in token)
    if not letters or letters == len(token) or len(token) > _MAX_LETTERS:
        return
    if sum(c.isdigit() for c in token) > letters:
        return
    choices = [_TWOFOLD.get(c, _LOOKALIKES.get(c, c)) for c in token]
    if sum(len(choice) > 1 for choice in choices) > _MAX_TWOFOLD:
        choices = [choice[0] for choice in choices]
    yield from ("".join(read) for read in product(*choices))


def _once(word: str) -> str:
    return "".join(letter for letter, _ in groupby(word))


def _repeats(word: str, listed: str) -> bool:
    """Tell whether a word with the listed word's letters repeats each at least as often."""
    runs = zip(groupby(word), groupby(listed), strict=True)
    return all(len(list(said)) >= len(list(meant)) for (_, said), (_, meant) in runs)
