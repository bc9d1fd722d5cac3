"""Looks and captions → those that were there before."""

import numpy as np
import numpy.typing as npt

from caption_studio.hashtags import find_hashtags
from caption_studio.training.dataset.items import Look
from caption_studio.training.dataset.texts import words

MAX_COLOUR_DISTANCE = 24
"""Between the mean colours of the same part of two pictures, of 255. A difference hash is blind to
colour: a red and a blue shirt on the same hanger have one hash."""

MIN_SHARED_WORDS = 0.8
"""Of all words in two captions of one picture: more, and the later one says the same again."""


class KnownPictures:
    """The pictures so far: finds the first that another one repeats.

    Each search compares with all of them: some 50 µs among 20,000.
    """

    def __init__(self, near_bits: int) -> None:
        self._near_bits = near_bits
        self._by_id: dict[str, tuple[str, str]] = {}
        self._names: list[tuple[str, str]] = []
        self._edges = np.empty(64, dtype=np.uint64)
        self._colours = np.empty((64, 48), dtype=np.int16)

    def repeated(self, look: Look) -> tuple[str, str, int] | None:
        """Return id and name of the first picture that is like this one, and the bits apart."""
        if (same := self._by_id.get(look.id)) is not None:
            return (*same, 0)
        count = len(self._names)
        distances = np.bitwise_count(self._edges[:count] ^ np.uint64(look.edges))
        for index in np.flatnonzero(distances <= self._near_bits):
            apart = np.abs(self._colours[index] - _levels(look))
            if apart.max() <= MAX_COLOUR_DISTANCE:
                return (*self._names[index], int(distances[index]))
        return None

    def add(self, look: Look, name: str) -> None:
        """Note a picture that repeats none."""
        count = len(self._names)
        if count == len(self._edges):
            self._edges = np.resize(self._edges, 2 * count)
            self._colours = np.resize(self._colours, (2 * count, self._colours.shape[1]))
        self._edges[count] = look.edges
        self._colours[count] = _levels(look)
        self._names.append((look.id, name))
        self._by_id[look.id] = (look.id, name)


class KnownCaptions:
    """The captions so far: finds one that is there already.

    Among all pictures that is the same text, whatever its case, marks, emoji and hashtags. Among
    one picture's captions it is also one of mostly the same words: of different pictures, "two red
    boats" and "three red boats" are both wanted. Captions for different requests repeat none.
    """

    def __init__(self) -> None:
        self._texts: dict[tuple[str, str], str] = {}
        self._of_picture: dict[tuple[str, str], list[tuple[frozenset[str], str]]] = {}

    def repeated(self, caption: str, key: str, request: str) -> str | None:
        """Return the earlier caption that this one repeats; else note it, and return None."""
        text = _plain(caption)
        if (same := self._texts.get((text, request))) is not None:
            return same
        ours = frozenset(text.split())
        siblings = self._of_picture.setdefault((key, request), [])
        for theirs, other in siblings:
            if len(ours & theirs) >= MIN_SHARED_WORDS * len(ours | theirs):
                return other
        siblings.append((ours, caption))
        self._texts[text, request] = caption
        return None


def _levels(look: Look) -> npt.NDArray[np.int16]:
    return np.frombuffer(look.colours, dtype=np.uint8).astype(np.int16)


def _plain(caption: str) -> str:
    """Return the words alone, without hashtags unless there is nothing else."""
    kept, end = [], 0
    for tag in find_hashtags(caption):
        kept.append(caption[end : tag.start])
        end = tag.end
    kept.append(caption[end:])
    return " ".join(words("".join(kept)) or words(caption)) or caption.strip()
