"""Seeded choice → a user's text beside a picture, and its wishes for the caption.

A wish is neutral ("Write a caption for this picture."), effective (no emoji, a name to mention), or
in the words of the controls. The texts come from `instructions`. Not here: captions that obey
(`captions`).
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from caption_studio.demo.names import some_name, some_place
from caption_studio.records import Controls
from caption_studio.voices.platforms import PLATFORMS
from caption_studio.voices.words import NAMES as CONTROL_NAMES
from caption_studio.voices.words import words

OCCASIONS = (
    "Christmas",
    "Halloween",
    "New Year",
    "Easter",
    "Mother's Day",
    "our anniversary",
    "the weekend",
    "Monday",
    "summer",
    "graduation day",
    "Valentine's Day",
    "Thanksgiving",
    "vacation",
)
SOBER_TONES = ("formal", "sober", "serious", "neutral", "calm", "factual", "professional")
LIVELY_TONES = ("playful", "cheerful", "warm", "friendly", "funny", "excited", "upbeat", "witty")
AVOIDED = tuple(
    "view magic mood joy dream picture image photo seen today peaceful heart happiness beautiful "
    "lovely amazing best nothing hello stay smile perfect awesome wow selfie cheap sale".split()
)
"""Words that the controls of training examples avoid: never a subject, a colour or a number."""


@dataclass(frozen=True, slots=True)
class Mix:
    """How often wishes are drawn.

    `kinds` weighs the kinds of wishes that can be checked, and a text holds as many of them as one
    of `numbers` says. `texts` are the shares of no text, a short one and controls alone; all other
    texts are long. Of the short ones the share `plain` asks for nothing that can be checked. Of the
    wishes against either hashtags or emoji the share `neither` becomes one against both. Of the
    short and long texts the share `written` is drawn from `written.txt`, whatever it wishes.
    """

    kinds: Mapping[str, int]
    numbers: tuple[int, ...]
    texts: tuple[float, float, float]
    plain: float
    neither: float = 0.0
    written: float = 0.4


def _kinds(
    negations: int, wanted: int, alt_text: int, mention: int, short: int, question: int
) -> dict[str, int]:
    return {
        "no hashtags": negations,
        "at most hashtags": 4,
        "no emoji": negations,
        "emoji wanted": wanted,
        "hashtags wanted": wanted,
        "short": short,
        "question": question,
        "alt text": alt_text,
        "mention": mention,
    }


ORDINARY = Mix(
    _kinds(negations=4, wanted=1, alt_text=4, mention=9, short=4, question=4),
    (0, 0, 0, 1, 1, 1, 1, 2, 2, 3),
    (0.40, 0.12, 0.08),
    0.4,
)
DEMANDING = Mix(
    _kinds(negations=10, wanted=3, alt_text=5, mention=13, short=11, question=9),
    (0, 1, 1, 1, 1, 2, 2, 2, 3, 3),
    (0.20, 0.22, 0.08),
    0.1,
    0.4,
    0.5,
)
"""For learning to obey: most texts hold wishes, above all those that are hardest to learn."""
_NEGATIONS = {"no hashtags", "no emoji"}
_CLASHING = (
    {"no hashtags", "at most hashtags", "hashtags wanted"},
    {"no emoji", "emoji wanted"},
    {"alt text", "question"},
    {"alt text", "emoji wanted"},
    {"alt text", "hashtags wanted"},
)
"""Of each group no two kinds go together."""
_AT_MOST = {f"at most {most} hashtags": most for most in (1, 2, 3)}
_CHARACTERS = {"medium": 160, "long": 320}
_LANGUAGES = ("en", "en-gb", "en-us")


@dataclass(frozen=True, slots=True)
class Mention:
    """A name that the caption shall hold; `kind` is `city`, `birthday`, `person` or `occasion`."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Wish:
    """The wishes of the user's text for the caption; the default has none.

    `hashtags` are the least and the most. `emoji` is None where the voice may do as it likes.
    """

    text: str = ""
    hashtags: tuple[int, int] | None = None
    emoji: bool | None = None
    short: bool = False
    question: bool = False
    alt_text: bool = False
    sober: bool = False
    most_characters: int | None = None
    avoid: tuple[str, ...] = ()
    mentions: tuple[Mention, ...] = ()

    @property
    def no_hashtags(self) -> bool:
        """Whether hashtags shall be left out."""
        return self.hashtags == (0, 0)

    @property
    def no_emoji(self) -> bool:
        """Whether emoji shall be left out."""
        return self.emoji is False


@dataclass(frozen=True, slots=True)
class Asked:
    """Kinds of wishes to put into words, and the values of their phrases' slots."""

    wish: Wish
    kinds: tuple[str, ...]
    values: Mapping[str, str]


def sample_mention(rng: random.Random, kind: str = "") -> Mention:
    """Draw a city, a person, a birthday or an occasion, or one that is given; most are invented."""
    kind = kind or rng.choice(("city", "city", "city", "person", "person", "birthday", "occasion"))
    if kind == "occasion":
        return Mention(kind, rng.choice(OCCASIONS))
    return Mention(kind, some_place(rng) if kind == "city" else some_name(rng))


def sample_asked(rng: random.Random, least: int, most: int, mix: Mix = ORDINARY) -> Asked:
    """Draw that many wishes of different kinds that go together."""
    number = max(least, min(most, rng.choice(mix.numbers)))
    kinds: list[str] = []
    while len(kinds) < number:
        kind = rng.choices(list(mix.kinds), list(mix.kinds.values()))[0]
        if not any(_clash(kind, other) for other in kinds):
            kinds.append(kind)
    if mix.neither and len(_NEGATIONS & set(kinds)) == 1 and rng.random() < mix.neither:
        (other,) = _NEGATIONS - set(kinds)
        if not any(_clash(other, kind) for kind in kinds):
            kinds.append(other)
    values: dict[str, str] = {}
    wish = Wish()
    for kind in kinds:
        wish = _with(wish, kind, values, rng)
    spoken = [f"mention {wish.mentions[0].kind}" if kind == "mention" else kind for kind in kinds]
    return Asked(wish, tuple(spoken), values)


def wish_of(kinds: Sequence[str], rng: random.Random) -> tuple[Wish, str]:
    """Return a wish of these kinds and the name in it, if any; for kinds see `written`."""
    wish, values = Wish(), dict[str, str]()
    for kind in kinds:
        wish = _with(wish, kind, values, rng)
    return wish, values.get("name", "")


def _clash(one: str, other: str) -> bool:
    either = {one, other}
    return len(either) == 1 or any(len(either & group) == 2 for group in _CLASHING)


def _with(wish: Wish, kind: str, values: dict[str, str], rng: random.Random) -> Wish:
    """Return the wish with one more kind; its slots' values go into `values`."""
    if kind in _AT_MOST:
        return replace(wish, hashtags=(0, _AT_MOST[kind]))
    if kind.startswith("mention"):
        mention = sample_mention(rng, kind.removeprefix("mention").strip())
        values["name"] = mention.name
        return replace(wish, mentions=(mention,))
    if kind == "at most hashtags":
        most = rng.choice((1, 2, 2, 2, 2, 2, 3, 4))
        values["number"] = rng.choice((str(most), ("one", "two", "three", "four")[most - 1]))
        values["hashtags"] = "hashtag" if most == 1 else "hashtags"
        return replace(wish, hashtags=(0, most))
    return {
        "no hashtags": lambda: replace(wish, hashtags=(0, 0)),
        "no emoji": lambda: replace(wish, emoji=False),
        "emoji wanted": lambda: replace(wish, emoji=True),
        "hashtags wanted": lambda: replace(wish, hashtags=(1, 3)),
        "short": lambda: replace(wish, short=True),
        "question": lambda: replace(wish, question=True),
        "alt text": lambda: replace(wish, alt_text=True),
    }[kind]()


def controls_wish(rng: random.Random, before: Wish | None = None) -> Wish:
    """Draw controls and say them in their words, after a caller's own text if there is one.

    The sentence is the one that `voices.prompt` makes for a voice trained on all controls.
    """
    before = before or Wish()
    controls = _sample_controls(rng, before)
    said = words(controls, CONTROL_NAMES)
    text = ". ".join(part for part in (before.text.rstrip("."), said) if part)
    return under_controls(replace(before, text=text), controls)


def under_controls(wish: Wish, controls: Controls) -> Wish:
    """Return the wish with those of the controls."""
    number, length = controls.hashtags, controls.length
    most = length if isinstance(length, int) else _CHARACTERS.get(length or "")
    return replace(
        wish,
        hashtags=wish.hashtags if number is None else (number, number),
        emoji=wish.emoji if controls.emoji is None else controls.emoji,
        short=wish.short or controls.length == "short",
        sober=wish.sober or controls.tone in SOBER_TONES,
        most_characters=most or wish.most_characters,
        avoid=(*wish.avoid, *controls.avoid),
    )


def _sample_controls(rng: random.Random, before: Wish) -> Controls:
    """Draw one to four controls, none against the wish that is there already."""
    free = [name for name in CONTROL_NAMES if rng.random() < 0.3] or [rng.choice(CONTROL_NAMES)]
    if before.hashtags:
        free = [name for name in free if name != "hashtags"]
    if before.emoji is not None or before.alt_text:
        free = [name for name in free if name not in ("emoji", "hashtags", "tone")]
    drawn = {
        "platform": rng.choice(list(PLATFORMS)),
        "tone": rng.choice((*SOBER_TONES, *LIVELY_TONES)),
        "length": rng.choice(("short", "short", "medium", "long", rng.randint(60, 200))),
        "hashtags": rng.choice((0, 0, 1, 1, 2, 2, 3, 4, 5)),
        "emoji": rng.random() < 0.35,
        "language": rng.choice(_LANGUAGES),
        "avoid": tuple(rng.sample(AVOIDED, rng.choice((1, 1, 2, 3)))),
    }
    chosen = {name: drawn[name] for name in free}
    if chosen.get("tone") in SOBER_TONES:
        chosen.pop("emoji", None)
    return Controls(**chosen)  # type: ignore[arg-type]
