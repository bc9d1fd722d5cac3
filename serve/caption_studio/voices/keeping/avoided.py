"""Words to avoid → whether a text holds one, as a word, in a phrase or in a hashtag; pure.

Words are compared without case and accents, in the singular, the plural and the possessive. The
words of a phrase may have anything between them that does not end a clause; a phrase does not
reach into a hashtag. In a hashtag words are not told apart (`#sunsetlovers`), so one of four
letters or more is found anywhere in it, one of three at its start or end, a shorter one only
where capitals or digits set it apart. A term without letters or digits is found as it stands.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import regex

from caption_studio.hashtags import Hashtag, find_hashtags
from caption_studio.voices.keeping.folding import Word, keys, words
from caption_studio.voices.keeping.seams import needs_no_spaces

_CLAUSE_END = regex.compile(r"[.!?…;:\n\u3002\uff01\uff1f\uff1b\uff1a]")
_CAMEL = regex.compile(r"(?<=\p{Ll})(?=\p{Lu})|(?<=\p{L})(?=\p{N})|(?<=\p{N})(?=\p{L})|_", regex.V1)
_MIN_INFLECTED = 3
_MIN_ANYWHERE = 4


@dataclass(frozen=True, slots=True)
class Place:
    """A word of a text: the hashtag that it is in, and whether a clause ends before it."""

    word: Word
    tag: Hashtag | None
    apart: bool


@dataclass(frozen=True, slots=True)
class Avoided:
    """The terms in the forms in which they are looked for.

    `leads` has for each form of a term's last word the words before it. `literals` are the terms
    without letters or digits.
    """

    leads: dict[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    in_tags: tuple[str, ...] = ()
    literals: tuple[str, ...] = ()

    def match(self, before: list[Place]) -> int:
        """Return the number of words of the longest term that ends with the last of `before`."""
        longest = 0
        for lead in self.leads.get(before[-1].word.key, ()):
            places = before[-1 - len(lead) :]
            if len(places) <= len(lead) or any(place.apart for place in places[1:]):
                continue
            if all(p.word.key == key for p, key in zip(places, lead, strict=False)):
                longest = max(longest, len(places))
        return longest

    def is_in_hashtag(self, word: str) -> bool:
        """Tell whether a hashtag, given without its sign, holds a term."""
        whole = "".join(keys(word)).replace("'", "")
        parts = {key for part in _CAMEL.split(word) for key in ("".join(keys(part)),)}
        for term in self.in_tags:
            if len(term) >= _MIN_ANYWHERE or needs_no_spaces(term[0]):
                if term in whole:
                    return True
            elif len(term) == _MIN_INFLECTED and (whole.startswith(term) or whole.endswith(term)):
                return True
            elif term == whole or term in parts:
                return True
        return any(literal in f"#{word}" for literal in self.literals)


@lru_cache(maxsize=64)
def avoided(terms: tuple[str, ...]) -> Avoided:
    """Return the terms in the forms to look for."""
    leads: dict[str, set[tuple[str, ...]]] = {}
    in_tags: dict[str, None] = {}
    literals: dict[str, None] = {}
    for term in terms:
        *lead, last = keys(term) or ("",)
        if not last:
            literals.update(dict.fromkeys(term.split()))
            continue
        in_tags["".join((*lead, last)).replace("'", "")] = None
        for form in _forms(last):
            leads.setdefault(form, set()).add(tuple(lead))
    return Avoided(
        {form: tuple(sorted(found)) for form, found in leads.items()},
        tuple(in_tags),
        tuple(literals),
    )


def holds_avoided(text: str, terms: tuple[str, ...]) -> bool:
    """Tell whether a text holds one of the terms."""
    unwanted = avoided(terms)
    if any(literal in text for literal in unwanted.literals):
        return True
    if any(unwanted.is_in_hashtag(tag.word) for tag in find_hashtags(text)):
        return True
    # Not by `Avoided.match`, which the cutting out goes by: what that overlooks, this sees.
    clauses: list[list[str]] = [[]]
    for place in places(text):
        if place.apart:
            clauses.append([])
        clauses[-1].append(place.word.key)
    lines = [f" {' '.join(clause)} " for clause in clauses]
    phrases = [" ".join((*lead, form)) for form in unwanted.leads for lead in unwanted.leads[form]]
    said = "|".join(lines)
    return any(f" {phrase} " in said for phrase in phrases)


def places(text: str) -> Iterator[Place]:
    """Yield the words of a text with what is around them."""
    tags = iter([*find_hashtags(text), None])
    tag = next(tags)
    previous_end, previous_tag = 0, None
    for word in words(text):
        while tag is not None and tag.end <= word.start:
            tag = next(tags)
        own = tag if tag is not None and tag.start <= word.start else None
        apart = own != previous_tag or bool(_CLAUSE_END.search(text, previous_end, word.start))
        yield Place(word, own, apart)
        previous_end, previous_tag = max(previous_end, word.end), own


def _forms(word: str) -> list[str]:
    forms = [word, f"{word}'s"]
    if len(word) >= _MIN_INFLECTED and word.isalpha() and not needs_no_spaces(word[0]):
        forms += [f"{word}s", f"{word}es", f"{word}s's"]
        if word.endswith("y"):
            forms.append(f"{word[:-1]}ies")
    return forms
