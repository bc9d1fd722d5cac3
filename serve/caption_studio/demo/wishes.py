"""Seeded choice → a user's text beside a picture, and its wishes for the caption.

A wish is neutral ("Write a caption for this picture.") or effective (no emoji, a name to
mention). Not here: captions that obey it (`captions`).
"""

import random
from dataclasses import dataclass

NAMES = tuple(
    "Anna Ben Clara David Emma Felix Grace Hugo Ines Jack Kate Leo Maria Nina Oscar Paula Quinn "
    "Rosa Sam Tina Uma Victor Wendy Yara Zoe Adam Bella Carlos Diana Ethan Fiona George Hannah "
    "Ivan Julia Kevin Laura Marco Nora Oliver Peter Ruth Simon Tom Vera Will Lucy Omar Priya "
    "Grandma Grandpa Mom Dad Aisha Kenji Mei Mateo Sofia Noah Lily".split()
)
CITIES = tuple(
    "Lisbon Paris Rome Berlin Madrid London Vienna Prague Oslo Athens Dublin Cairo Tokyo Kyoto "
    "Sydney Boston Chicago Seattle Denver Miami Toronto Lima Quito Bogota Havana Nairobi Delhi "
    "Mumbai Bangkok Hanoi Seoul Porto Seville Naples Venice Florence Zurich Geneva Munich Hamburg "
    "Warsaw Krakow Budapest Riga Helsinki Bergen Iceland Norway Spain Italy Greece Portugal "
    "Scotland Ireland Japan Peru Bali Hawaii Malta Corsica".split()
)
HELD_OUT_NAMES = ("Martin", "Olga", "Rachel", "Dmitri", "Camila")
HELD_OUT_CITIES = ("Barcelona", "Copenhagen", "Dakar", "Osaka", "Marrakesh")
"""Names and cities that no training text holds, to test whether the adapters copy new words."""
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

_ASKED = {
    "city": (
        "mention our trip to {}",
        "this was on our trip to {}",
        "we saw this in {}",
        "from our holiday in {}",
        "please mention {}",
        "taken in {}",
        "say that it was in {}",
        "we were in {} last week",
        "add that this is {}",
    ),
    "birthday": (
        "it's for {}'s birthday",
        "say happy birthday to {}",
        "wish {} a happy birthday",
        "this is a birthday card for {}",
        "{} has a birthday today",
    ),
    "person": (
        "mention {}",
        "this is for {}",
        "dedicate it to {}",
        "{} took this picture",
        "say hi to {}",
        "please include the name {}",
        "my friend {} loves this",
    ),
    "occasion": (
        "mention {}",
        "it's for {}",
        "make it about {}",
        "I will post this for {}",
        "add a word about {}",
    ),
}
_NO_HASHTAGS = (
    "no hashtags",
    "without hashtags",
    "please leave out the hashtags",
    "don't use hashtags",
    "no hashtags please",
    "skip the hashtags",
    "I don't want any hashtags",
)
_NO_EMOJI = (
    "no emoji",
    "without emoji",
    "no emojis please",
    "don't use emoji",
    "please leave out the emojis",
    "skip the emoji",
    "I don't like emojis",
)
_SHORT = (
    "keep it short",
    "make it short",
    "short please",
    "just a few words",
    "a very short caption",
    "be brief",
    "something short",
)
_QUESTION = (
    "ask a question",
    "end with a question",
    "make it a question",
    "ask my followers something",
    "ask the readers a question",
    "finish with a question",
)
_NEUTRAL = (
    "Write a caption for this picture.",
    "Write a caption for this image.",
    "What is this?",
    "What is in this picture?",
    "What's in this image?",
    "What do you see?",
    "Caption this photo for Instagram please",
    "Caption this",
    "Caption this image.",
    "Please caption this photo",
    "describe the image",
    "Describe this picture.",
    "Describe the picture in one sentence",
    "Give me a caption",
    "I need a caption for my post",
    "Can you write a caption for this?",
    "Could you write a post for this photo?",
    "Make a social media caption.",
    "Write something nice about this photo",
    "A caption for Facebook, please.",
    "Write a social media post for this picture",
    "hello",
    "Here is my photo.",
    "Look at this!",
    "Tell me about this picture",
    "Generate a caption for the image",
    "post this",
)


@dataclass(frozen=True, slots=True)
class Mention:
    """A name that the caption shall hold; `kind` is a key of the phrase tables."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Wish:
    """The wishes of the user's text for the caption; the default has none."""

    text: str = ""
    no_hashtags: bool = False
    no_emoji: bool = False
    short: bool = False
    question: bool = False
    mention: Mention | None = None


def _invented_name(rng: random.Random) -> str:
    """Make up a name of two or three syllables, so that the model learns copying, not a list."""
    syllables = [
        rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(rng.randint(2, 3))
    ]
    return ("".join(syllables) + rng.choice(("", "", "n", "r", "s", "l", "t"))).capitalize()


def sample_mention(rng: random.Random) -> Mention:
    """Draw a city, a person, a birthday or an occasion; a third of the names are invented."""
    kind = rng.choice(("city", "city", "person", "birthday", "occasion"))
    if kind == "occasion":
        return Mention(kind, rng.choice(OCCASIONS))
    if rng.random() < 0.35:
        return Mention(kind, _invented_name(rng))
    return Mention(kind, rng.choice(CITIES if kind == "city" else NAMES))


def ask_for(mention: Mention, rng: random.Random) -> str:
    """Return one way in which a user asks for this mention."""
    return rng.choice(_ASKED[mention.kind]).format(mention.name)


def neutral_wish(rng: random.Random) -> Wish:
    """Draw a text that asks for a caption and nothing more."""
    return Wish(text=rng.choice(_NEUTRAL))


def effective_wish(rng: random.Random) -> Wish:
    """Draw one or two things to ask for, phrased in one of many ways."""
    kinds = ["hashtags", "emoji", "short", "question", "mention", "mention"]
    first, second = rng.choice(kinds), rng.choice(kinds)
    chosen = {first, second} if rng.random() < 0.3 and "short" not in (first, second) else {first}
    mention = sample_mention(rng) if "mention" in chosen else None
    phrases = {
        "hashtags": rng.choice(_NO_HASHTAGS),
        "emoji": rng.choice(_NO_EMOJI),
        "short": rng.choice(_SHORT),
        "question": rng.choice(_QUESTION),
        "mention": ask_for(mention, rng) if mention else "",
    }
    return Wish(
        text=_said([phrases[kind] for kind in sorted(chosen)], rng),
        no_hashtags="hashtags" in chosen,
        no_emoji="emoji" in chosen,
        short="short" in chosen,
        question="question" in chosen,
        mention=mention,
    )


def _said(phrases: list[str], rng: random.Random) -> str:
    rng.shuffle(phrases)
    text = rng.choice((" and ", ", ")).join(phrases)
    if rng.random() < 0.15:
        text = f"{rng.choice(_NEUTRAL).rstrip('.?!')}, {text}"
    if rng.random() < 0.6:
        text = text[0].upper() + text[1:]
    if rng.random() < 0.2 and "please" not in text:
        text += " please"
    return text + rng.choice(("", "", ".", "!"))


def sample_wish(rng: random.Random) -> Wish:
    """Draw the wish beside a picture: half the time none, else neutral or effective."""
    dice = rng.random()
    if dice < 0.5:
        return Wish()
    return neutral_wish(rng) if dice < 0.66 else effective_wish(rng)
