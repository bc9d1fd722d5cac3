"""Names of people and places: real ones from `names.yaml`, and invented ones of many shapes.

Most names that training texts ask for are invented, so that copying is learnt and not a list; the
real ones show what names are like.
"""

import random
import re
from functools import cache

from caption_studio.demo.grammar import grammar

HELD_OUT_NAMES = ("Martin", "Olga", "Rachel", "Dmitri", "Camila")
HELD_OUT_CITIES = ("Barcelona", "Copenhagen", "Dakar", "Osaka", "Marrakesh")
"""Names and cities that no training text asks for, to test whether new words are copied."""

_BEGINNINGS = (
    *"b d f g h j k l m n p r s t v w z b d f g h k l m n p r s t v b d k l m n r s t".split(),
    *"ch sh th br dr fr gr kr tr bl fl kl pl st sk sp str qu wh sw sn y c".split(),
    *("", "", ""),
)
_MIDDLES = tuple("a e i o u a e i o u a e i o a e i a e ai ea ee ie oa oo ou y au".split())
_RARE_MIDDLES = tuple(
    "é á ó í ú ö ü ä ø å è ã ô ñe ça é ó ö ü à ì ò ù â ê î û ë ï õ æ ā ē ī ō ū ő ű ą ę ei".split()
)
_RARE_CONSONANTS = tuple("š č ž ř ł ń ś ż ş ğ ç ñ ț ð ň š č ž ł".split())
_ENDINGS = (
    *"n r s l t m d k nd rd rt st ck ll nn ss x th ng rn lm".split(),
    *("", ""),
)
_UNUSUAL_BEGINNINGS = tuple(
    "bj gj hj kj sj tj fj sv kv tv zv gw rh kh gh dh bh ts tz zh dz mb nk ng nd mn pf ps wl vl ml "
    "cz sz hr sr zd zl x q j z v y w cy ph kn wr thr str spr scr sch".split()
)
_UNUSUAL_ENDINGS = tuple(
    "q j f h b g v z c w p k t rn rne rm rf rv rg rb rz lf lv lk lg nz ns nt sz cz tz ts ps x sh "
    "kh gh ght rth lth mph wn wl ks rst rsh lst dt tt ff zz ddh gg bb".split()
)
_ORDINARY_BEGINNINGS = tuple(
    "In On At To Up No So We He My All And But For The Is As Be By Do Go If Me Of Or She Her Can "
    "Man Sun Red Out Off Over Under Win New Old Big War Hand Here There Per Mar Car Star".split()
)
"""Words that names begin with: their tokens are words of the captions, too."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_VOWELS = "aeiouy"
_SIGNS = tuple(
    "Copper Silver Golden Iron Velvet Crooked Hollow Merry Lucky Hungry Sleepy Wandering Broken "
    "Salty Dusty Mossy Rusty Frosty Stormy Windy Little Old Blue Red Green White Black Amber Ivory "
    "Scarlet Crimson Sunny Quiet Brave Noble Royal Wild Bitter Sweet Tipsy Painted Twisted Gilded "
    "Honey Cedar Willow Maple Ginger Pepper Clover Thistle Juniper Saffron Marble Granite Cobalt "
    "North South Harbour River Meadow Orchard Garden Market Castle Bridge Corner Upper "
    "Lower".split()
)
_THINGS = tuple(
    "Lantern Anchor Barrel Basket Beacon Bell Bottle Bucket Button Candle Carriage Chimney "
    "Compass Crown Cup Feather Fiddle Fountain Goose Hammer Hare Hearth Heron Horseshoe Hound Jug "
    "Ladder Ladle Lamp Loaf Lobster Magpie Mill Mitten Needle Oar Otter Oven Owl Paddle Parrot "
    "Pebble Pelican Pigeon Plough Puffin Quill Raven Robin Rooster Saddle Sparrow Spoon Stag Swan "
    "Table Tavern Teapot Thimble Trumpet Turtle Violin Wagon Walrus Weaver Wheel Whistle Wren "
    "Yard Barn Cellar Cottage Farm Forge Grange House Lodge Nook Pantry Parlour Stable Studio "
    "Workshop Kitchen Bakery Books Records Brewery Press Crumb Fox Badger".split()
)
"""Words of the names of shops, inns and boats. Texts have them too, so their tokens are common."""
_PLACE_ENDINGS = tuple(
    "berg burg dorf ville ton ham wick ford mouth stad sund vik sk ovo ina ano ello bridge port "
    "field haven more dale ness by um ic ik ana aire au ac verness shire ver minster bourne "
    "chester bury stead combe worth gate land heim hausen furt bach kirch hagen borg lund fjord "
    "havn gorod grad abad pur nagar istan mont val court mar polis".split()
)
_NAME_ENDINGS = (
    *("", "", "", "", "a", "o", "e", "ia", "us", "in"),
    *"ius ette ine yn ey ie ek ov ova ez os is ar iq een ay y ur ir elle ard".split(),
    *"ild ulf deep esh".split(),
)
_BEFORE_PLACES = tuple(
    "San Santa Port Lake Mount New Saint Fort Bad Cape Loch El La Los Upper Nova Hotel Pension "
    "Villa Casa Chez Gasthof Trattoria Osteria Bodega Hostal Bakkerij Studio Club Camp Haus "
    "Château Café Bar Radio Team Atelier Monte Isla Glen Ben Rio Kloster Finca Maison".split()
)
_AFTER_PLACES = tuple(
    "Bay Gap Cove Point Falls Ridge Hill Moor Wharf Quay Pier Bend Hollow Heath Park Gardens Hall "
    "Court School Choir Rovers United Harriers Kennels Stables Pottery Kilns Ceramics Cycles Dairy "
    "Deli Foods Coffee Tea Bakers Florist Joinery Looms Ferry Boatyard Museum Theatre Library "
    "Hospital Hotel Inn Arms Trust Society Club Festival Vineyard Nursery".split()
)
_BEFORE_NAMES = ("Aunt", "Uncle", "Captain", "Doctor", "Little", "Old", "Mrs", "Mr", "Ms", "Coach")
_SURNAMES = ("van ", "de ", "O'", "Mc", "von ", "del ", "Mac")


def _syllables(rng: random.Random, number: int) -> str:
    rare, unusual = rng.random() < 0.16, rng.random() < 0.3
    beginnings = (*_BEGINNINGS, *_UNUSUAL_BEGINNINGS) if unusual else _BEGINNINGS
    endings = _UNUSUAL_ENDINGS if unusual else _ENDINGS
    parts = []
    for _ in range(number):
        middle = rng.choice(_RARE_MIDDLES if rare and rng.random() < 0.5 else _MIDDLES)
        ending = rng.choice(endings) if rng.random() < 0.3 else ""
        if rare and rng.random() < 0.2:
            ending = rng.choice(_RARE_CONSONANTS)
        parts.append(rng.choice(beginnings) + middle + ending)
    if unusual and rng.random() < 0.4:
        parts.append(rng.choice(endings))
    return "".join(parts)


def _any_letters(rng: random.Random) -> str:
    """Return three to eight letters, vowels in every second or third place: any tokens at all."""
    letters, vowel = "", rng.random() < 0.4
    for _ in range(rng.randint(3, 8)):
        letters += rng.choice(_VOWELS if vowel else _LETTERS)
        vowel = not vowel if rng.random() < 0.8 else vowel
    return letters


@cache
def _ordinary_words() -> tuple[str, ...]:
    """Return all words of four letters and more of the users' phrases."""
    phrases = " ".join(one for symbol in grammar("instructions").phrases.values() for one in symbol)
    return tuple(sorted(set(re.findall(r"(?<![\w{])[a-z]{4,}(?![\w}])", phrases))))


def _pieces(rng: random.Random) -> str:
    """Return two or three pieces of ordinary words: such a name is of tokens that are known."""
    parts = []
    for word in rng.choices(_ordinary_words(), k=rng.choice((2, 2, 2, 3))):
        length = rng.randint(2, 5)
        parts.append(word[:length] if rng.random() < 0.6 else word[-length:])
    return "".join(parts)


def _stem(rng: random.Random, syllables: int) -> str:
    """Return the main part of a name: syllables, after an ordinary word, or any letters."""
    dice = rng.random()
    if dice < 0.08:
        return _capital(_any_letters(rng))
    if dice < 0.30:
        return _capital(_pieces(rng))
    if dice < 0.38:
        return rng.choice(_ORDINARY_BEGINNINGS) + _syllables(rng, max(1, syllables - 1))
    return _capital(_syllables(rng, syllables))


def _capital(text: str) -> str:
    text = text if len(text) > 2 else f"{text}ra"
    return text[0].upper() + text[1:]


def _doubled(name: str, rng: random.Random) -> str:
    """Return the name, at times with its last letter twice: it is to be copied, not mended."""
    return name + name[-1] if rng.random() < 0.04 else name


def _surname(rng: random.Random) -> str:
    """Make up the second word of a name, or the second and third."""
    if rng.random() < 0.25:
        return rng.choice(_SURNAMES) + _capital(_syllables(rng, 2))
    return _stem(rng, rng.choice((1, 2, 2, 3))) + rng.choice(_NAME_ENDINGS)


def invented_name(rng: random.Random) -> str:
    """Make up the name of a person or a pet: four in ten are of two words or more."""
    name = _stem(rng, rng.choice((1, 2, 2, 2, 2, 3, 3, 4)))
    dice = rng.random()
    if dice < 0.05:
        return f"{rng.choice(_BEFORE_NAMES)} {name}"
    if dice < 0.09:
        return f"{name}-{_capital(_syllables(rng, 1))}"
    if dice < 0.48:
        return f"{name} {_surname(rng)}"
    return _doubled(name + rng.choice(_NAME_ENDINGS), rng)


def invented_word(rng: random.Random) -> str:
    """Make up a word in small letters, like one that training never showed."""
    return _syllables(rng, rng.choice((1, 2, 2, 3))) + rng.choice(("", "", "ed", "ing", "ly", "s"))


def _shop(rng: random.Random) -> str:
    """Make up what a shop, an inn, a farm or a boat is called: two words, or both in one."""
    sign, thing = rng.choice((*_SIGNS, *_THINGS)), rng.choice(_THINGS)
    return f"{sign} {thing}" if rng.random() < 0.6 else sign + thing.lower()


def invented_place(rng: random.Random) -> str:
    """Make up a town's name, or a shop's: one word, often two."""
    if rng.random() < 0.2:
        return _shop(rng)
    place = _stem(rng, rng.choice((1, 2, 2, 3)))
    if rng.random() < 0.55:
        place += rng.choice(_PLACE_ENDINGS)
    dice = rng.random()
    if dice < 0.16:
        return f"{rng.choice(_BEFORE_PLACES)} {place}"
    if dice < 0.22:
        return f"{place} {_surname(rng)}"
    if dice < 0.36:
        return f"{place} {rng.choice(_SIGNS + _THINGS + _AFTER_PLACES)}"
    if dice < 0.38:
        return f"{place}-{rng.choice(('sur', 'on', 'am', 'by'))}-{_capital(_syllables(rng, 2))}"
    return _doubled(place, rng)


@cache
def real_names(*kinds: str) -> tuple[str, ...]:
    """Return the real names of these kinds: `person` (and pets), `place`, `shop`."""
    return tuple(name for kind in kinds for name in grammar("names").phrases[kind])


def some_name(rng: random.Random, invented: float = 0.6) -> str:
    """Draw a person's name, invented with this chance."""
    if rng.random() < invented:
        return invented_name(rng)
    name = rng.choice(real_names("person"))
    return f"{name} {_surname(rng)}" if rng.random() < 0.4 else name


def some_place(rng: random.Random, invented: float = 0.6) -> str:
    """Draw the name of a place, at times of a shop, invented with this chance."""
    if rng.random() < invented:
        return invented_place(rng)
    return rng.choice(real_names("shop" if rng.random() < 0.3 else "place"))
