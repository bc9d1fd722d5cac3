"""Names of people and places: lists of real ones, and invented ones of many shapes.

Most names that training texts ask for are invented, so that copying is learnt and not a list.
"""

import random

NAMES = tuple(
    "Anna Ben Clara David Emma Felix Grace Hugo Ines Jack Kate Leo Maria Nina Oscar Paula Quinn "
    "Rosa Sam Tina Uma Victor Wendy Yara Zoe Adam Bella Carlos Diana Ethan Fiona George Hannah "
    "Ivan Julia Kevin Laura Marco Nora Oliver Peter Ruth Simon Tom Vera Will Lucy Omar Priya "
    "Grandma Grandpa Mom Dad Aisha Kenji Mei Mateo Sofia Noah Lily Alice Arthur Beatrice Benedikt "
    "Bruno Cecilia Chloe Daniel Elena Elias Esther Eva Fatima Frank Gabriel Gina Harold Helen Hiro "
    "Ida Isaac Jasmin Jonas Joseph Karim Karin Lars Lena Lina Louis Magda Malik Marta Max Michael "
    "Milan Mohamed Nadia Nils Olivia Pablo Petra Pierre Rafael Rana Rebecca Robert Sabine Samuel "
    "Sandra Sara Stefan Susan Theo Thomas Ulrich Valeria Viktoria Walter Yusuf Yuki".split()
)
CITIES = tuple(
    "Lisbon Paris Rome Berlin Madrid London Vienna Prague Oslo Athens Dublin Cairo Tokyo Kyoto "
    "Sydney Boston Chicago Seattle Denver Miami Toronto Lima Quito Bogota Havana Nairobi Delhi "
    "Mumbai Bangkok Hanoi Seoul Porto Seville Naples Venice Florence Zurich Geneva Munich Hamburg "
    "Warsaw Krakow Budapest Riga Helsinki Bergen Iceland Norway Spain Italy Greece Portugal "
    "Scotland Ireland Japan Peru Bali Hawaii Malta Corsica Amsterdam Antwerp Austin Basel Belgrade "
    "Bologna Bordeaux Bremen Bristol Brighton Brussels Cambridge Cardiff Cologne Cornwall Crete "
    "Cyprus Dallas Dresden Edinburgh Estonia Finland Genoa Glasgow Granada Graz Istanbul Jakarta "
    "Jerusalem Kerala Kiel Leeds Leipzig Lyon Manila Marseille Mexico Milan Montreal Morocco Nepal "
    "Nice Odessa Oxford Palermo Patagonia Perth Pisa Provence Rotterdam Sardinia Sicily Siena "
    "Singapore Sofia Stockholm Tuscany Utrecht Valencia Verona Vermont Wales York Zagreb".split()
)
HELD_OUT_NAMES = ("Martin", "Olga", "Rachel", "Dmitri", "Camila")
HELD_OUT_CITIES = ("Barcelona", "Copenhagen", "Dakar", "Osaka", "Marrakesh")
"""Names and cities that no training text holds, to test whether new words are copied."""

_BEGINNINGS = (
    *"b d f g h j k l m n p r s t v w z b d f g h k l m n p r s t v b d k l m n r s t".split(),
    *"ch sh th br dr fr gr kr tr bl fl kl pl st sk sp str qu wh sw sn y c".split(),
    *("", "", ""),
)
_MIDDLES = tuple("a e i o u a e i o u a e i o a e i a e ai ea ee ie oa oo ou y au".split())
_RARE_MIDDLES = tuple("é á ó í ú ö ü ä ø å è ã ô ñe ça".split())
_ENDINGS = (
    *"n r s l t m d k nd rd rt st ck ll nn ss x th ng rn lm".split(),
    *("", ""),
)
_PLACE_ENDINGS = tuple(
    "berg burg dorf ville ton ham wick ford mouth stad sund vik sk ovo ina ano ello bridge port "
    "field haven more dale ness by um ic ik ana aire au ac".split()
)
_BEFORE_PLACES = tuple(
    "San Santa Port Lake Mount New Saint Fort Bad Cape Loch El La Los Upper Nova".split()
)
_BEFORE_NAMES = ("Aunt", "Uncle", "Captain", "Doctor", "Little", "Old", "Mrs", "Mr", "Ms", "Coach")
_SURNAMES = ("van ", "de ", "O'", "Mc", "von ", "del ", "Mac")


def _syllables(rng: random.Random, number: int) -> str:
    rare = rng.random() < 0.12
    parts = []
    for _ in range(number):
        middle = rng.choice(_RARE_MIDDLES if rare and rng.random() < 0.5 else _MIDDLES)
        ending = rng.choice(_ENDINGS) if rng.random() < 0.3 else ""
        parts.append(rng.choice(_BEGINNINGS) + middle + ending)
    return "".join(parts)


def _capital(text: str) -> str:
    text = text if len(text) > 2 else f"{text}ra"
    return text[0].upper() + text[1:]


def invented_name(rng: random.Random) -> str:
    """Make up a person's or pet's name: one word of one to four syllables, at times two words."""
    name = _capital(_syllables(rng, rng.choice((1, 2, 2, 2, 2, 3, 3, 4))))
    dice = rng.random()
    if dice < 0.05:
        return f"{rng.choice(_BEFORE_NAMES)} {name}"
    if dice < 0.09:
        return f"{name}-{_capital(_syllables(rng, 1))}"
    if dice < 0.14:
        return f"{name} {rng.choice(_SURNAMES)}{_capital(_syllables(rng, 2))}"
    return name + rng.choice(("", "", "", "", "a", "o", "e", "ia", "us", "in"))


def invented_word(rng: random.Random) -> str:
    """Make up a word in small letters, like one that training never showed."""
    return _syllables(rng, rng.choice((1, 2, 2, 3))) + rng.choice(("", "", "ed", "ing", "ly", "s"))


def invented_place(rng: random.Random) -> str:
    """Make up a town's name: one word, at times two."""
    place = _capital(_syllables(rng, rng.choice((1, 2, 2, 3))))
    if rng.random() < 0.55:
        place += rng.choice(_PLACE_ENDINGS)
    dice = rng.random()
    if dice < 0.08:
        return f"{rng.choice(_BEFORE_PLACES)} {place}"
    if dice < 0.10:
        return f"{place}-{rng.choice(('sur', 'on', 'am', 'by'))}-{_capital(_syllables(rng, 2))}"
    return place


def some_name(rng: random.Random, invented: float = 0.8) -> str:
    """Draw a person's name, invented with this chance."""
    return invented_name(rng) if rng.random() < invented else rng.choice(NAMES)


def some_place(rng: random.Random, invented: float = 0.8) -> str:
    """Draw a place's name, invented with this chance."""
    return invented_place(rng) if rng.random() < invented else rng.choice(CITIES)
