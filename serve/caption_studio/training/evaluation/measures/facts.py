"""A caption and the facts of its picture → which of them it names; pure.

Tolerant of form: singular or plural, another name of the same thing, a figure or its word, and
words between. Hashtags name nothing. Number words, plurals and other names are English.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from caption_studio.training.evaluation.measures.figures import NUMBER_WORDS, POWERS
from caption_studio.training.evaluation.measures.prose import sentences
from caption_studio.voices.faithfulness.noun_phrases import COLOURS, MANY, NUMBERS
from caption_studio.voices.faithfulness.things import NOUNS, plural_of
from caption_studio.voices.keeping.folding import keys

_REACH = 5
"""So many words before a subject may tell its number and colour."""

_AMOUNTS = {"couple": 2, "pair": 2, "duo": 2, "twin": 2, "twins": 2, "trio": 3}
_VALUES = {**NUMBER_WORDS, **POWERS, **NUMBERS, **_AMOUNTS}
_SEVERAL = frozenset(
    "several many some few lots bunch group flock dozens row countless various multiple".split()
)
_LINKS = frozenset("is are was were in of so very all painted coloured colored dressed".split())
_ARTICLES = frozenset(("a", "an", "the"))
_NO_COLOURS = frozenset("and or with light dark bright deep pale".split())
_NO_PLURALS = ("us", "is", "ss")

Words = tuple[str, ...]
Place = tuple[Words, int, int]
"""A sentence, and where in it a name begins and ends."""


def named(caption: str, facts: Mapping[str, str]) -> dict[str, bool]:
    """Tell for each fact whether the caption names it: subject, number, colour.

    Number and colour count only beside the subject, where that is a fact, too.
    """
    said = sentences(caption)
    subject = facts.get("subject", "")
    places = list(_places(said, subject)) if subject else None
    found: dict[str, bool] = {}
    if subject:
        found["subject"] = bool(places)
    if number := facts.get("number"):
        found["number"] = _names_number(number, said, places, subject)
    if colour := facts.get("colour"):
        found["colour"] = _names_colour(keys(colour), said, places)
    return found


def _places(said: Sequence[Words], subject: str) -> Iterator[Place]:
    forms = _forms(subject)
    for words in said:
        for form in forms:
            for start in range(len(words) - len(form) + 1):
                if words[start : start + len(form)] == form:
                    yield words, start, start + len(form)


@lru_cache(maxsize=1024)
def _forms(subject: str) -> frozenset[Words]:
    """Return the subject in singular and plural, under all the names that the house's list has."""
    words = keys(subject)
    forms = {words, *_other_numbers(words)}
    known = [NOUNS[form].thing for form in forms if form in NOUNS]
    return frozenset(forms | {name for name, noun in NOUNS.items() if noun.thing in known})


def _other_numbers(words: Words) -> Iterator[Words]:
    """Yield the plural, and each singular that has `words` as its plural."""
    if not words:
        return
    *lead, last = words
    if len(last) < 2:
        return
    yield (*lead, plural_of(last))
    if last.endswith(_NO_PLURALS):
        return
    for singular in (last[:-1], last[:-2], f"{last[:-3]}y"):
        if len(singular) > 1 and plural_of(singular) == last:
            yield (*lead, singular)


def _names_number(
    number: str, said: Sequence[Words], places: Sequence[Place] | None, subject: str
) -> bool:
    wanted = _number(number)
    if wanted is None:
        return any(set(keys(number)) <= set(words) for words in said)
    if places is None:
        return any(_value(word) == wanted for words in said for word in words)
    return any(_counts(wanted, place, subject) for place in places)


def _number(text: str) -> int | None:
    """Return the number of a fact; `MANY` for "several", None for what is no number."""
    words = keys(text)
    if any(word in _SEVERAL for word in words):
        return MANY
    return _counted(words)


def _counts(wanted: int, place: Place, subject: str) -> bool:
    words, start, end = place
    before = words[max(0, start - _REACH) : start]
    counted = _counted(before)
    plural = _is_plural(words[start:end], subject)
    if wanted == MANY:
        return plural is not False and (counted != 1 or any(w in _SEVERAL for w in before))
    if wanted == 1 and plural is not None:
        return not plural and counted in (1, None)
    return counted == wanted


def _counted(words: Sequence[str]) -> int | None:
    """Return the number said last in these words, 1 for "a"; None where none is."""
    return next((n for word in reversed(words) if (n := _value(word)) is not None), None)


def _value(word: str) -> int | None:
    if word.isdecimal():
        return int(word)
    return 1 if word in ("a", "an") else _VALUES.get(word)


def _is_plural(form: Words, subject: str) -> bool | None:
    """Tell whether a form is a plural; None where singular and plural are alike."""
    noun = NOUNS.get(form)
    if noun is not None:
        return noun.plural
    words = keys(subject)
    if form == words:  # the data's own form: plural if it is the plural of something
        return any(plural_of(other[-1]) == form[-1] for other in _other_numbers(words))
    return bool(form) and bool(words) and form[-1] == plural_of(words[-1])


def _names_colour(colour: Words, said: Sequence[Words], places: Sequence[Place] | None) -> bool:
    wanted = _colours(colour) - _NO_COLOURS
    if places is None:
        return any(wanted <= _colours(words) for words in said)
    return any(wanted <= _colours(_beside(place)) for place in places)


def _beside(place: Place) -> Words:
    """Return the words that may tell a name's colour: from its article on, and after "is"."""
    words, start, end = place
    first = start
    while first > max(0, start - _REACH):
        first -= 1
        if words[first] in _ARTICLES or _value(words[first]) is not None:
            break
    after = words[end : end + _REACH]
    return words[first:end] + (after if after and after[0] in _LINKS else ())


def _colours(words: Sequence[str]) -> set[str]:
    return {COLOURS.get(word, word) for word in words}
