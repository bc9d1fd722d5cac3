"""Seed → Scene → true description. The pictures are in `painter`, the captions in `captions`."""

import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache

TRAINING_SEEDS = range(0, 1_000_000)
"""Seeds that training draws scenes and pictures from."""
HELD_OUT_SEEDS = range(1_000_000, 2_000_000)
"""Seeds that only evaluation and tests use."""
HELD_OUT_SHARE = 20
"""One in this many combinations is never shown in training (see `Scene.is_held_out`)."""

COUNT_WORDS = {1: "one", 2: "two", 3: "three"}


class Where(Enum):
    """A subject's stand in a place: it decides the preposition and the painter's height."""

    GROUND = "ground"
    WATER = "water"
    AIR = "air"


_VIVID = ("red", "orange", "yellow", "green", "blue", "purple", "white")
_LAND = ("beach", "hills", "street", "snow", "forest")
_EVERYWHERE = ("sea", "beach", "hills", "street", "snow", "forest", "lake")


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing the painter can draw, with the colours and places that suit it."""

    plural: str
    where: Where
    colours: tuple[str, ...]
    places: tuple[str, ...]


SUBJECTS = {
    "sailboat": Subject("sailboats", Where.WATER, _VIVID, ("sea", "lake")),
    "duck": Subject("ducks", Where.WATER, ("yellow", "white", "brown", "black"), ("sea", "lake")),
    "balloon": Subject("balloons", Where.AIR, _VIVID, _EVERYWHERE),
    "kite": Subject("kites", Where.AIR, _VIVID, ("sea", "beach", "hills", "snow", "lake")),
    "bird": Subject("birds", Where.AIR, ("red", "yellow", "blue", "white", "black"), _EVERYWHERE),
    "airplane": Subject("airplanes", Where.AIR, ("red", "yellow", "blue", "white"), _EVERYWHERE),
    "car": Subject("cars", Where.GROUND, (*_VIVID, "black"), _LAND),
    "bus": Subject("buses", Where.GROUND, _VIVID, ("street", "hills", "snow")),
    "umbrella": Subject("umbrellas", Where.GROUND, _VIVID, ("beach", "hills", "street")),
    "tent": Subject("tents", Where.GROUND, _VIVID, ("beach", "hills", "snow", "forest")),
    "house": Subject(
        "houses",
        Where.GROUND,
        ("red", "yellow", "blue", "white", "pink"),
        ("beach", "hills", "snow", "forest"),
    ),
    "cat": Subject("cats", Where.GROUND, ("black", "white", "orange", "brown"), _LAND),
    "dog": Subject("dogs", Where.GROUND, ("black", "white", "brown"), _LAND),
    "flower": Subject(
        "flowers",
        Where.GROUND,
        ("red", "orange", "yellow", "blue", "purple", "pink", "white"),
        ("hills", "forest"),
    ),
}

PLACES = {
    "sea": {Where.WATER: "on a calm sea", Where.AIR: "over a calm sea"},
    "beach": {Where.GROUND: "on a sandy beach", Where.AIR: "over a sandy beach"},
    "hills": {Where.GROUND: "on a green hill", Where.AIR: "over green hills"},
    "street": {Where.GROUND: "on a city street", Where.AIR: "over a city street"},
    "snow": {Where.GROUND: "in a snowy field", Where.AIR: "over a snowy field"},
    "forest": {Where.GROUND: "in a pine forest", Where.AIR: "over a pine forest"},
    "lake": {Where.WATER: "on a mountain lake", Where.AIR: "over a mountain lake"},
}

SKIES = {
    "sunny": "on a sunny day",
    "cloudy": "on a cloudy day",
    "rainy": "on a rainy day",
    "sunset": "at sunset",
    "night": "at night",
    "fog": "in the fog",
    "rainbow": "under a rainbow",
}


@dataclass(frozen=True, slots=True)
class Scene:
    """The content of a picture: `count` (1 to 3) things of one kind and colour, in one place."""

    subject: str
    colour: str
    count: int
    place: str
    sky: str

    @property
    def where(self) -> Where:
        """How the subject stands in its place."""
        return SUBJECTS[self.subject].where

    @property
    def noun(self) -> str:
        """The subject in the singular or plural, by its count: "cat" or "cats"."""
        return self.subject if self.count == 1 else SUBJECTS[self.subject].plural

    @property
    def things(self) -> str:
        """Count, colour and noun: "an orange cat", "two black cats"."""
        if self.count == 1:
            return f"{indefinite_article(self.colour)} {self.colour} {self.noun}"
        return f"{COUNT_WORDS[self.count]} {self.colour} {self.noun}"

    @property
    def place_phrase(self) -> str:
        """The place, with its preposition: "on a calm sea"."""
        return PLACES[self.place][self.where]

    @property
    def sky_phrase(self) -> str:
        """Time of day or weather, with its preposition: "at sunset"."""
        return SKIES[self.sky]

    @property
    def description(self) -> str:
        """The true description, which GIT learns to write."""
        return f"{self.things} {self.place_phrase} {self.sky_phrase}"

    @property
    def is_held_out(self) -> bool:
        """Whether this combination is kept from training (about one in `HELD_OUT_SHARE`)."""
        return zlib.crc32(self.description.encode()) % HELD_OUT_SHARE == 0


class Pool(Enum):
    """The combinations that `sample_scene` may draw."""

    ALL = "all"
    TRAINING = "training"
    HELD_OUT = "held-out"


def indefinite_article(word: str) -> str:
    """Return "an" before a written vowel, else "a" (enough for our words)."""
    return "an" if word[0] in "aeiou" else "a"


def sample_scene(seed: int, pool: Pool = Pool.ALL) -> Scene:
    """Return the scene of `seed`: subjects equally likely, then each choice within a subject."""
    rng = random.Random(seed)
    while True:
        name = rng.choice(list(SUBJECTS))
        subject = SUBJECTS[name]
        scene = Scene(
            subject=name,
            colour=rng.choice(subject.colours),
            count=rng.randint(1, 3),
            place=rng.choice(subject.places),
            sky=rng.choice(list(SKIES)),
        )
        if pool is Pool.ALL or scene.is_held_out is (pool is Pool.HELD_OUT):
            return scene


def _every_scene() -> Iterator[Scene]:
    for name, subject in SUBJECTS.items():
        for colour in subject.colours:
            for count in COUNT_WORDS:
                for place in subject.places:
                    for sky in SKIES:
                        yield Scene(name, colour, count, place, sky)


@cache
def all_scenes() -> tuple[Scene, ...]:
    """Return every combination once, in a fixed order."""
    return tuple(_every_scene())
