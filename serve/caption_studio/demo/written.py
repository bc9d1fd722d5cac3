"""Whole texts as people write them beside a picture → wishes and their texts.

Each line of `written.txt` is a text after the kinds of its wishes and a bar. `[[` and `]]` stand
around the words that bear a wish, one after another as the kinds are; `+` joins the kinds of the
same words, `none` stands for no wish that can be checked, and `{name}` for a name:

    no hashtags, mention city | [[No tags please.]] We had rain all week. [[Say it was in {name}.]]

So a story may stand around the wishes of another. Not here: texts made of phrases
(`instructions`).
"""

import random
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("written.txt")
_BEARING = re.compile(r"\[\[(.*?)\]\]")
_SENTENCE = re.compile(r"(?<=[.!?…])\s+")
NO_WISH = "none"
NAME = "{name}"


@dataclass(frozen=True, slots=True)
class Bearing:
    """Words that bear wishes of these kinds."""

    kinds: tuple[str, ...]
    words: str


@dataclass(frozen=True, slots=True)
class Written:
    """A text whose wishes are of these kinds, with `{name}` for its name.

    `bearings` are the words that bear its wishes, `story` the sentences around them.
    """

    text: str
    kinds: tuple[str, ...]
    bearings: tuple[Bearing, ...]
    story: tuple[str, ...]

    @property
    def stands_alone(self) -> bool:
        """Whether its wishes can be understood without its story."""
        return NAME not in " ".join(self.story)


def parsed(line: str) -> Written:
    """Read a line; raise `ValueError` if its kinds and its marks are not of equal number."""
    before, _, marked = line.partition("|")
    groups = [tuple(one.strip() for one in group.split("+")) for group in before.split(",")]
    if groups == [(NO_WISH,)]:
        groups = []
    parts = _BEARING.split(marked)
    bearings = tuple(
        Bearing(kinds, words.strip()) for kinds, words in zip(groups, parts[1::2], strict=True)
    )
    around = (_SENTENCE.split(part.strip(" ,;:-")) for part in parts[::2])
    story = tuple(one for part in around for one in part if len(one.split()) > 1)
    text = " ".join(marked.replace("[[", "").replace("]]", "").split())
    return Written(text, tuple(kind for group in groups for kind in group), bearings, story)


@cache
def written_texts() -> tuple[Written, ...]:
    """Return the texts in the order of the file."""
    return tuple(map(parsed, _FILE.read_text(encoding="utf-8").splitlines()))


@cache
def _stories() -> tuple[str, ...]:
    """Return the sentences that hold no name to be copied, of all texts."""
    return tuple(one for text in written_texts() for one in text.story if NAME not in one)


def drawn(rng: random.Random, most_words: int) -> Written:
    """Draw a text; half of those that can be taken apart get the stories of others.

    Such a one has no more than so many words, if its wishes need no more.
    """
    one = rng.choice(written_texts())
    if not (one.bearings and one.stands_alone) or rng.random() < 0.5:
        return one
    parts = [bearing.words for bearing in one.bearings]
    rng.shuffle(parts)
    wanted = rng.choice((0, rng.randint(0, 20), rng.randint(0, most_words)))
    while (words := sum(len(part.split()) for part in parts)) < wanted:
        sentence = rng.choice(_stories())
        if words + len(sentence.split()) > most_words:
            break
        parts.insert(rng.randint(0, len(parts)), sentence)
    text = parts[0]
    for part in parts[1:]:
        text += (" " if text[-1] in ".!?…" else rng.choice((". ", ", ", ". ", " - "))) + part
    return Written(text, one.kinds, one.bearings, ())
