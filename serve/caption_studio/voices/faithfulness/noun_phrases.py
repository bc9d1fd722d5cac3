"""English text → the things that it names, with their number and colours; pure.

A reading by word lists, not by grammar: it is made to overlook rather than to misread. Hashtags,
first names, comparisons ("like a bird"), negations and the first part of a compound ("dog park")
name nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import regex

from caption_studio.hashtags import find_hashtags
from caption_studio.voices.faithfulness.things import LONGEST_NAME, NOUNS, Noun, Thing
from caption_studio.voices.keeping.function_words import ARTICLES, LINKS

MANY = 0
"""The number of things that are several, nobody says how many."""

COLOURS = {
    **{
        c: c
        for c in "red orange yellow green blue purple pink white black brown grey beige".split()
    },
    **{"gray": "grey", "silver": "grey", "crimson": "red", "scarlet": "red", "navy": "blue"},
    **{"violet": "purple", "lilac": "purple", "golden": "yellow", "gold": "yellow"},
    **{"ginger": "orange", "turquoise": "turquoise", "teal": "turquoise", "tan": "beige"},
}
NUMBERS = {
    **{
        word: n
        for n, word in enumerate("one two three four five six seven eight nine ten".split(), 1)
    },
    **{"single": 1, "lone": 1, "solitary": 1, "both": 2, "several": MANY, "many": MANY},
}
_AMOUNTS = {"couple": 2, "pair": 2, "duo": 2, "trio": 3, "group": MANY, "flock": MANY, "lots": MANY}
_POINTING = ARTICLES | {"this", "that", "these", "those", "another", "some", "no"}
_COMPARING = frozenset("be like as than what such quite no not never without isn't aren't".split())
_SECOND_PARTS = frozenset(
    "lover lovers person people mom dad mum life vibes day days ride rides weather stop park show "
    "watching spotting party power pond lane keeper whisperer nap naps toy food walk walker show "
    "shop shelter race wash door light lights driver station wheel bed garden pose yoga".split()
)
_IS = frozenset(("is", "are", "was", "were", "painted", "coloured", "colored"))
_INTENSIFIERS = frozenset(("so", "very", "all", "bright", "dark", "light", "deep"))
_MOST_ADJECTIVES = 3

_TOKEN = regex.compile(r"[\p{L}\p{N}]+(?:['\u2019][\p{L}]+)*", regex.V1)
_PAUSE = regex.compile(r"[.,!?;:()\[\]\"\u201c\u201d…\n\u2014\u2013]|\s-\s", regex.V1)
_SENTENCE_END = regex.compile(r"[.!?…\n:]|^\s*$", regex.V1)
_NUMBER = regex.compile(r"[1-9]\d?")


@dataclass(frozen=True, slots=True)
class Named:
    """A thing that a text names: its number if it is said, its colours, and how clearly.

    `number` is from a number word, or 1 after "a" and `MANY` for a plural; `counted` is true of a
    number word. `pointed` is true if a word before the noun says that one is meant.
    """

    thing: Thing
    number: int | None
    counted: bool
    colours: frozenset[str]
    pointed: bool


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    apart: bool
    is_name: bool


def named_things(text: str) -> list[Named]:
    """Return the things that a text names, in its order."""
    tokens = _tokens(text)
    found: list[Named] = []
    start = 0
    while start < len(tokens):
        noun, end = _noun_at(tokens, start)
        if noun is not None and _is_named(tokens, start, end):
            named = _phrase(tokens, start, end, noun)
            found += [named] if named is not None else []
        start = end
    return found


def _tokens(text: str) -> list[_Token]:
    for tag in reversed(find_hashtags(text)):
        text = f"{text[: tag.start]}\n{text[tag.end :]}"
    found = list(_TOKEN.finditer(text))
    large = sum(m.group()[0].isupper() for m in found)
    position, tokens = 0, []
    for m in found:
        gap = text[position : m.start()]
        begins = bool(_SENTENCE_END.search(gap)) or position == 0
        is_name = m.group()[0].isupper() and not begins and 2 * large <= len(found)
        word = m.group().lower().replace("\u2019", "'")
        tokens.append(_Token(word, bool(_PAUSE.search(gap)), is_name))
        position = m.end()
    return tokens


def _noun_at(tokens: list[_Token], start: int) -> tuple[Noun | None, int]:
    """Return the noun that begins here, the longest, and where it ends."""
    for length in range(LONGEST_NAME, 0, -1):
        part = tokens[start : start + length]
        if len(part) < length or any(t.apart for t in part[1:]) or any(t.is_name for t in part):
            continue
        noun = NOUNS.get(tuple(t.text for t in part))
        if noun is not None:
            return noun, start + length
    return None, start + 1


def _is_named(tokens: list[_Token], start: int, end: int) -> bool:
    if end == len(tokens) or tokens[end].apart:
        return True
    return tokens[end].text not in _SECOND_PARTS and _noun_at(tokens, end)[0] is None


def _phrase(tokens: list[_Token], start: int, end: int, noun: Noun) -> Named | None:
    """Read the words before a noun; None if it stands in a comparison or a negation."""
    colours = set(_colours_after(tokens, end))
    number, pointed, i = None, False, start - 1
    unknown = 0
    while i >= 0 and not tokens[i + 1].apart and unknown <= _MOST_ADJECTIVES:
        word = tokens[i].text
        if word in COLOURS:
            colours.add(COLOURS[word])
        elif word in NUMBERS or _NUMBER.fullmatch(word):
            number, pointed = NUMBERS.get(word) if word in NUMBERS else int(word), True
            break
        elif word in _POINTING:
            pointed = True
            break
        elif word == "of" and i and tokens[i - 1].text in _AMOUNTS:
            number, pointed = _AMOUNTS[tokens[i - 1].text], True
            break
        elif word in _COMPARING:
            return None
        elif not (word == "and" and colours and tokens[i - 1].text in COLOURS):
            if word in LINKS or _noun_at(tokens, i)[0] is not None:
                break
            unknown += 1
        i -= 1
    before = tokens[i - 1].text if i > 0 and not tokens[i].apart else ""
    if pointed and (before in _COMPARING or tokens[i].text == "no"):
        return None
    counted = number is not None and (noun.plural is None or noun.plural is (number != 1))
    if not counted:
        number = _bare_number(noun, tokens[i].text if pointed else "")
    return Named(noun.thing, number, counted, frozenset(colours), pointed)


def _bare_number(noun: Noun, pointing: str) -> int | None:
    if noun.plural:
        return MANY
    return (
        1 if noun.plural is False and pointing in ("a", "an", "this", "that", "another") else None
    )


def _colours_after(tokens: list[_Token], end: int) -> Iterator[str]:
    """Yield the colour of "the car is so blue"."""
    words = [token.text for token in tokens[end : end + 3]]
    if any(token.apart for token in tokens[end : end + 3]) or not words or words[0] not in _IS:
        return
    if len(words) > 1 and words[1] in COLOURS:
        yield COLOURS[words[1]]
    elif len(words) > 2 and words[1] in _INTENSIFIERS and words[2] in COLOURS:
        yield COLOURS[words[2]]
