"""A caption and a description → what they contradict each other in: subject, colour, number; pure.

English, by word lists. A caption may leave out what is described and say what no picture shows;
it may not name another thing, colour or number in its place. Not seen: a swap between two things
of one name ("a black cat and a white cat"), and things that no list has.
"""

from collections.abc import Sequence

from caption_studio.voices.faithfulness.noun_phrases import (
    COLOURS,
    MANY,
    NUMBERS,
    Named,
    named_things,
)
from caption_studio.voices.faithfulness.things import Thing, plural_of

_WORDS = {number: word for word, number in reversed(NUMBERS.items()) if number} | {MANY: "several"}


def contradictions(caption: str, description: str) -> tuple[str, ...]:
    """Return the contradictions, each in words as "cat, not dog"; none is no proof of truth."""
    described = named_things(description)
    said = named_things(caption)
    colours = {COLOURS[word] for word in description.lower().split() if word in COLOURS}
    meant = any(_matching(named, described) for named in said)
    found: dict[str, None] = {}
    for named in said:
        matching = _matching(named, described)
        if not matching:
            found.update(dict.fromkeys(_other_subject(named, described, meant)))
            continue
        found.update(dict.fromkeys(_other_colour(named, matching, colours)))
        found.update(dict.fromkeys(_other_number(named, matching)))
    return tuple(found)


def _matching(named: Named, described: Sequence[Named]) -> list[Named]:
    """Return what the described things are that a caption's word may mean."""
    return [other for other in described if _may_mean(named.thing, other.thing)]


def _may_mean(said: Thing, described: Thing) -> bool:
    if said.name == described.name or said.name in described.broader:
        return True
    # Somebody described as a person may be called a man; but not a bird a duck.
    return said.kind == "person" and described.name in said.broader


def _other_subject(named: Named, described: Sequence[Named], meant: bool) -> list[str]:
    """A thing of the same kind, or any if the caption names nothing that is described."""
    if not named.pointed and named.number is None:
        return []
    same_kind = [other for other in described if other.thing.kind == named.thing.kind]
    replaced = same_kind or ([] if meant else described)
    return [f"{named.thing.name}, not {replaced[0].thing.name}"] if replaced else []


def _other_colour(named: Named, matching: Sequence[Named], anywhere: set[str]) -> list[str]:
    own = {colour for other in matching for colour in other.colours}
    wrong = sorted(named.colours - (own or anywhere))
    instead = f", not {' or '.join(sorted(own))}" if own else ", of which no colour is described"
    return [f"{colour} {named.thing.name}{instead}" for colour in wrong]


def _other_number(named: Named, matching: Sequence[Named]) -> list[str]:
    numbers = [other.number for other in matching if other.number is not None]
    if named.number is None or not numbers or not (named.counted or named.number == 1):
        return []
    if named.number in numbers or (MANY in numbers and not (named.counted and named.number == 1)):
        return []  # "an elephant never forgets" is said of many, too
    total = sum(numbers)
    if named.number == total or (named.number == MANY and total > 1):
        return []
    told = " or ".join(_in_words(number) for number in sorted(set(numbers)))
    noun = named.thing.name if named.number == 1 else plural_of(named.thing.name)
    return [f"{_in_words(named.number)} {noun}, not {told}"]


def _in_words(number: int) -> str:
    return _WORDS.get(number, str(number))
