"""English nouns, singular and plural → the things that they name; pure."""

from dataclasses import dataclass

from caption_studio.voices.faithfulness.picture_nouns import KINDS

_PLURALS = {
    "goose": "geese",
    "ox": "oxen",
    "calf": "calves",
    "wolf": "wolves",
    "man": "men",
    "woman": "women",
    "gentleman": "gentlemen",
    "child": "children",
    "person": "people",
    "cactus": "cacti",
}
_SAME_PLURAL = frozenset(
    ("sheep", "deer", "reindeer", "moose", "fish", "goldfish", "cattle", "elk")
)


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing, its kind, and the names of the things that it is a sort of."""

    name: str
    kind: str
    broader: frozenset[str]


@dataclass(frozen=True, slots=True)
class Noun:
    """A form of a thing's name; `plural` is None for a form that is both."""

    thing: Thing
    plural: bool | None


def plural_of(noun: str) -> str:
    """Return an English noun's plural."""
    if noun in _PLURALS:
        return _PLURALS[noun]
    if noun.endswith(("s", "x", "z", "ch", "sh")):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}s"


def _nouns() -> dict[tuple[str, ...], Noun]:
    nouns: dict[tuple[str, ...], Noun] = {}
    for kind, lines in KINDS.items():
        for line in lines.split("\n"):
            names, _, broader = line.partition(">")
            if not names.strip():
                continue
            thing = Thing(names.split()[0].replace("_", " "), kind, frozenset(broader.split()))
            for name in names.split():
                *lead, last = name.split("_")
                same = last in _SAME_PLURAL
                nouns[(*lead, last)] = Noun(thing, None if same else False)
                if not same:
                    nouns[(*lead, plural_of(last))] = Noun(thing, True)
    return nouns


NOUNS = _nouns()
"""Names in one or more words → what they name."""

LONGEST_NAME = max(map(len, NOUNS))
