"""Looks and captions → those that were there before."""

from collections.abc import Iterator

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
    """The pictures so far, in groups of those that are alike.

    Pictures that are not alike share a group if there are some between them, each like the next.
    Each search compares with all of them: some 50 µs among 20,000.
    """

    def __init__(self, near_bits: int) -> None:
        self._near_bits = near_bits
        self._places: dict[str, int] = {}
        self._names: list[str] = []
        self._leaders: list[int] = []  # of each place an earlier one in its group, or itself
        self._edges = np.empty(64, dtype=np.uint64)
        self._colours = np.empty((64, 48), dtype=np.int16)

    def repeated(self, look: Look) -> tuple[str, int | None] | None:
        """Return the first picture that is like this one, and the bits apart; None: same pixels."""
        if (same := self._places.get(look.id)) is not None:
            return self._names[same], None
        place, bits = next(self._alike(look), (None, 0))
        return None if place is None else (self._names[place], bits)

    def add(self, look: Look, name: str) -> None:
        """Note a picture that stays; it joins the groups of all that are like it."""
        if look.id in self._places:
            return
        place = len(self._names)
        joined = {place, *(self._leader(alike) for alike, _ in self._alike(look))}
        if place == len(self._edges):
            self._edges = np.resize(self._edges, 2 * place)
            self._colours = np.resize(self._colours, (2 * place, self._colours.shape[1]))
        self._edges[place] = look.edges
        self._colours[place] = _levels(look)
        self._names.append(name)
        self._places[look.id] = place
        self._leaders.append(place)
        for leader in joined:
            self._leaders[leader] = min(joined)

    def groups(self) -> dict[str, str]:
        """Return for each picture's id that of the first picture in its group."""
        ids = list(self._places)
        return {one: ids[self._leader(place)] for one, place in self._places.items()}

    def _alike(self, look: Look) -> Iterator[tuple[int, int]]:
        """Yield the place of each picture that is like this one, and the bits apart."""
        count = len(self._names)
        distances = np.bitwise_count(self._edges[:count] ^ np.uint64(look.edges))
        for place in np.flatnonzero(distances <= self._near_bits):
            apart = np.abs(self._colours[place] - _levels(look))
            if apart.max() <= MAX_COLOUR_DISTANCE:
                yield int(place), int(distances[place])

    def _leader(self, place: int) -> int:
        while (earlier := self._leaders[place]) != place:
            place = earlier
        return place


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
