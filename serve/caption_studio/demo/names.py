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
    "Sandra Sara Stefan Susan Theo Thomas Ulrich Valeria Viktoria Walter Yuki "
    "Aaliyah Abdul Abigail Ahmed Ajay Aleksander Alejandra Alfonso Amara Amina Amit Anders "
    "Andrea Angela Aniko Anton Anya Ari Asha Astrid Ayumi Barbara Bartek Bianca Bjorn Bogdan "
    "Brigitte Caleb Carmen Caroline Charlotte Cheng Chidi Christina Claudia Connor Cristina "
    "Cynthia Damian Deepak Denise Diego Dorothy Dylan Edith Eduardo Eileen Ekaterina Eleanor "
    "Emeka Emily Enrique Erik Ernst Esra Farah Felipe Fernando Florian Francesca Freya "
    "Friedrich Gareth Georgina Gerard Gertrude Giulia Giorgos Gustav Gwen Hamid Hana Hans "
    "Harriet Hassan Heidi Helga Henrik Hilde Ibrahim Igor Ikram Ingrid Irina Isabel Jacek Jamal "
    "Jana Jasper Javier Jeremy Johan Jorge Judith Kamal Katarina Katrin Khalid Kofi Krishna "
    "Kurt Laila Lakshmi Leila Leonardo Liam Linda Lorenzo Ludwig Luka Magnus Mahmoud Malcolm "
    "Manuel Margaret Marianne Mariusz Marwan Matthew Maximilian Meera Mehmet Melanie Miguel "
    "Mikael Miriam Mirko Monika Moritz Murat Natasha Nathan Neha Nicholas Nicole Nikolai Noor "
    "Odile Olaf Ondrej Orla Oskar Pascal Patricia Paulo Pedro Philip Piotr Rahul Raj Ramona "
    "Raquel Reinhard Ricardo Rohan Roland Ronja Rudolf Saanvi Said Samir Sanjay Sebastian Selma "
    "Serena Sergio Sigrid Silvia Sinead Siobhan Sonja Sophie Soren Stanislav Sunita Sven "
    "Sylvester Tamara Tariku Tatiana Thandi Tiago Tomas Torsten Tuan Ursula Valentin Vanessa "
    "Vikram Vincent Vivian Wanda Wilhelm Xavier Ximena Yannick Yasmin Yolanda Yusra Zachary "
    "Zainab Zeynep Zofia".split()
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
    "Singapore Sofia Stockholm Tuscany Utrecht Valencia Verona Vermont Wales York Zagreb "
    "Aarhus Aberdeen Accra Adelaide Algiers Almaty Amman Ankara Annecy Aruba Asheville Auckland "
    "Avignon Baltimore Bamako Bath Beirut Belfast Biarritz Bilbao Boise Bratislava Brisbane "
    "Bucharest Calgary Canberra Caracas Carcassonne Casablanca Chennai Colombo Cordoba Cork "
    "Cusco Darwin Delft Detroit Doha Dover Durban Exeter Fargo Freiburg Gdansk Gotland Grenoble "
    "Guadalajara Halifax Hanover Harare Heidelberg Houston Innsbruck Izmir Jaipur Johannesburg "
    "Kampala Kathmandu Kerry Kolkata Kosovo Lagos Lausanne Lille Limerick Linz Liverpool Luzern "
    "Maastricht Malaga Malmo Mannheim Medellin Melbourne Memphis Minsk Mombasa Montevideo "
    "Nagoya Nantes Nashville Nazareth Newcastle Norwich Nuremberg Oaxaca Okinawa Ottawa Padua "
    "Parma Penzance Philadelphia Plymouth Portland Pristina Puebla Quebec Ravenna Recife Rennes "
    "Rhodes Rostock Salamanca Santiago Sapporo Sarajevo Savannah Shanghai Skopje Sligo Split "
    "Stavanger Strasbourg Surabaya Taipei Tallinn Tampere Tangier Tbilisi Thessaloniki Tirana "
    "Toulouse Tromso Tucson Tunis Turin Ulm Uppsala Vancouver Vilnius Winnipeg Yerevan "
    "Zanzibar".split()
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
    "San Santa Port Lake Mount New Saint Fort Bad Cape Loch El La Los Upper Nova".split()
)
_BEFORE_NAMES = ("Aunt", "Uncle", "Captain", "Doctor", "Little", "Old", "Mrs", "Mr", "Ms", "Coach")
_SURNAMES = ("van ", "de ", "O'", "Mc", "von ", "del ", "Mac")


def _syllables(rng: random.Random, number: int) -> str:
    rare, unusual = rng.random() < 0.12, rng.random() < 0.3
    beginnings = (*_BEGINNINGS, *_UNUSUAL_BEGINNINGS) if unusual else _BEGINNINGS
    endings = _UNUSUAL_ENDINGS if unusual else _ENDINGS
    parts = []
    for _ in range(number):
        middle = rng.choice(_RARE_MIDDLES if rare and rng.random() < 0.5 else _MIDDLES)
        ending = rng.choice(endings) if rng.random() < 0.3 else ""
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


def _stem(rng: random.Random, syllables: int) -> str:
    """Return the main part of a name: syllables, after an ordinary word, or any letters."""
    dice = rng.random()
    if dice < 0.12:
        return _capital(_any_letters(rng))
    if dice < 0.20:
        return rng.choice(_ORDINARY_BEGINNINGS) + _syllables(rng, max(1, syllables - 1))
    return _capital(_syllables(rng, syllables))


def _capital(text: str) -> str:
    text = text if len(text) > 2 else f"{text}ra"
    return text[0].upper() + text[1:]


def invented_name(rng: random.Random) -> str:
    """Make up a person's or pet's name: one word of one to four syllables, at times two words."""
    name = _stem(rng, rng.choice((1, 2, 2, 2, 2, 3, 3, 4)))
    dice = rng.random()
    if dice < 0.05:
        return f"{rng.choice(_BEFORE_NAMES)} {name}"
    if dice < 0.09:
        return f"{name}-{_capital(_syllables(rng, 1))}"
    if dice < 0.14:
        return f"{name} {rng.choice(_SURNAMES)}{_capital(_syllables(rng, 2))}"
    return name + rng.choice(_NAME_ENDINGS)


def invented_word(rng: random.Random) -> str:
    """Make up a word in small letters, like one that training never showed."""
    return _syllables(rng, rng.choice((1, 2, 2, 3))) + rng.choice(("", "", "ed", "ing", "ly", "s"))


def _shop(rng: random.Random) -> str:
    """Make up what a shop, an inn, a farm or a boat is called: two words, or both in one."""
    sign, thing = rng.choice((*_SIGNS, *_THINGS)), rng.choice(_THINGS)
    return f"{sign} {thing}" if rng.random() < 0.6 else sign + thing.lower()


def invented_place(rng: random.Random) -> str:
    """Make up a town's name, or a shop's: one word, at times two."""
    if rng.random() < 0.2:
        return _shop(rng)
    place = _stem(rng, rng.choice((1, 2, 2, 3)))
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
