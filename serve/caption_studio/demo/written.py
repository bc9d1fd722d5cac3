"""Whole texts as people write them beside a picture → a text, and the kinds of its wishes.

Each line of `written.txt` holds the kinds of the wishes in any order, a bar, and the text. `[[` and
`]]` stand around words that say wishes, `{name}` where a name is to stand, and `none` if nothing is
wished that can be checked:

    no hashtags, mention city | [[No tags please.]] We had rain. [[Say it was in {name}.]]

The other sentences, the story, may stand in other texts, and the marked words with another story:
so there are more texts than lines. `whole:` before the kinds forbids both. Not here: texts made of
phrases (`instructions`).
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("written.txt")
_WHOLE = "whole:"
_NO_WISH = "none"
NAME = "{name}"

_MARKED = re.compile(r"\[\[(.*?)\]\]")
_ENDS = (".", "!", "?", "…")
_TITLES = "".join(rf"(?<!\b{title}\.)" for title in ("Mr", "Mrs", "Ms", "Dr", "Prof", "St"))
_BETWEEN_SENTENCES = re.compile(rf"(?<=[.!?…]){_TITLES}\s+")
_JOINTS = (". ", ", ", ". ", " - ")


@dataclass(frozen=True, slots=True)
class Written:
    """A line of the file. `wishes` are the marked words, `story` the sentences around them.

    `whole` tells that neither may stand in another text.
    """

    kinds: tuple[str, ...]
    text: str
    wishes: tuple[str, ...]
    story: tuple[str, ...]
    whole: bool


def parsed(line: str) -> Written:
    """Read a line; raise `ValueError` if it has marks and no kind, or a kind and no marks."""
    before, _, marked = line.partition("|")
    whole, before = before.startswith(_WHOLE), before.removeprefix(_WHOLE).strip()
    kinds = () if before == _NO_WISH else tuple(re.split(r"\s*[,+]\s*", before))
    parts = _MARKED.split(marked)
    story, wishes = parts[::2], parts[1::2]
    if bool(kinds) != bool(wishes):
        raise ValueError(f"the marks do not fit the wishes: {line}")
    return Written(
        kinds,
        " ".join("".join(parts).split()),
        tuple(wish.strip(" ,;:-") for wish in wishes),
        tuple(_sentences(story, wishes)),
        whole or NAME in " ".join(story),
    )


def _sentences(story: list[str], wishes: list[str]) -> list[str]:
    """Return the sentences between the wishes; not those of which a wish is a part."""
    found = []
    for at, part in enumerate(story):
        sentences = _BETWEEN_SENTENCES.split(part.strip())
        if at > 0 and not _is_ended(wishes[at - 1]):
            sentences = sentences[1:]
        if at < len(wishes) and not _is_ended(part):
            sentences = sentences[:-1]
        found += [sentence for sentence in sentences if len(sentence.split()) > 1]
    return found


def _is_ended(text: str) -> bool:
    return text.rstrip(" \"')").endswith(_ENDS)


@cache
def written_texts() -> tuple[Written, ...]:
    """Return the texts in the order of the file."""
    return tuple(map(parsed, _FILE.read_text(encoding="utf-8").splitlines()))


@cache
def single_wishes() -> tuple[Written, ...]:
    """Return the texts that hold one wish, whose words may stand in any text."""
    return tuple(one for one in written_texts() if len(one.kinds) == 1 and not one.whole)


@cache
def story_sentences() -> tuple[str, ...]:
    """Return all sentences that may stand in any text."""
    return tuple(one for text in written_texts() if not text.whole for one in text.story)


def drawn(rng: random.Random, most_words: int) -> tuple[tuple[str, ...], str]:
    """Draw a text and the kinds of its wishes: half of them as written, if need be longer.

    In the other half the wishes stand alone or among sentences of any stories, which are added
    until the text would have more than `most_words` words.
    """
    one = rng.choice(written_texts())
    if one.whole or not one.wishes or rng.random() < 0.5:
        return one.kinds, one.text
    parts = list(one.wishes)
    rng.shuffle(parts)
    wanted = rng.choice((0, rng.randint(0, 20), rng.randint(0, most_words)))
    fill(parts, lambda: rng.choice(story_sentences()), wanted, most_words, rng)
    return one.kinds, _joined(parts, rng)


def fill(
    parts: list[str], draw: Callable[[], str], wanted: int, most_words: int, rng: random.Random
) -> None:
    """Insert drawn sentences at random places, up to `wanted` words, and never over the most."""
    while (words := count_words(parts)) < wanted:
        sentence = draw()
        if words + count_words([sentence]) > most_words:
            break
        parts.insert(rng.randint(0, len(parts)), sentence)


def count_words(parts: list[str]) -> int:
    """Return the number of words of all parts."""
    return sum(len(part.split()) for part in parts)


def _joined(parts: list[str], rng: random.Random) -> str:
    text = parts[0]
    for part in parts[1:]:
        text += (" " if _is_ended(text) else rng.choice(_JOINTS)) + part
    return text
