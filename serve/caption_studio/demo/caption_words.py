"""The words, tags and emoji of the captions in two voices. Data only; `captions` joins them."""

SUBJECT_EMOJI = {
    "sailboat": "⛵",
    "duck": "🦆",
    "balloon": "🎈",
    "kite": "🪁",
    "bird": "🐦",
    "airplane": "🛫",
    "car": "🚗",
    "bus": "🚌",
    "umbrella": "⛱",
    "tent": "⛺",
    "house": "🏡",
    "cat": "🐱",
    "dog": "🐶",
    "flower": "🌼",
}
SETTING_EMOJI = {
    "sea": "🌊",
    "beach": "🏖",
    "hills": "🌿",
    "street": "🏙",
    "snow": "⛄",
    "forest": "🌲",
    "lake": "🗻",
    "sunny": "🌞",
    "cloudy": "⛅",
    "rainy": "☔",
    "sunset": "🌇",
    "night": "🌙",
    "fog": "🌁",
    "rainbow": "🌈",
}
MOOD_EMOJI = ("✨", "😍", "📸", "🙌", "💛", "😊", "🎉", "👀")
ALL_EMOJI = (*SUBJECT_EMOJI.values(), *SETTING_EMOJI.values(), *MOOD_EMOJI)

TAGS = {
    "sailboat": ("sailing", "boatlife"),
    "duck": ("ducklife", "quack"),
    "balloon": ("upupandaway", "balloonride"),
    "kite": ("kiteflying", "windy"),
    "bird": ("birdwatching", "freeasabird"),
    "airplane": ("flying", "planespotting"),
    "car": ("roadtrip", "carlovers"),
    "bus": ("busride", "onthemove"),
    "umbrella": ("umbrellaweather", "shade"),
    "tent": ("camping", "campinglife"),
    "house": ("homesweethome", "dreamhome"),
    "cat": ("catsofinstagram", "catlife"),
    "dog": ("dogsofinstagram", "doglife"),
    "flower": ("inbloom", "flowerpower"),
    "sea": ("sealovers", "oceanview"),
    "beach": ("beachlife", "sandytoes"),
    "hills": ("greenhills", "countryside"),
    "street": ("citylife", "streetphotography"),
    "snow": ("winterwonderland", "snowday"),
    "forest": ("forestwalk", "intothewoods"),
    "lake": ("lakelife", "mountainview"),
    "sunny": ("sunshine", "sunnyday"),
    "cloudy": ("cloudyday", "cloudwatching"),
    "rainy": ("rainyday", "rainvibes"),
    "sunset": ("sunsetlovers", "goldenhour"),
    "night": ("nightvibes", "underthestars"),
    "fog": ("foggy", "misty"),
    "rainbow": ("rainbow", "afterrain"),
}
MOOD_TAGS = ("photooftheday", "goodvibes", "happy", "instagood", "wanderlust")
VERBS = {
    "sailboat": "drift",
    "duck": "paddle",
    "balloon": "float",
    "kite": "dance",
    "bird": "soar",
    "airplane": "fly",
    "car": "wait",
    "bus": "wait",
    "umbrella": "stand",
    "tent": "stand",
    "house": "stand",
    "cat": "sit",
    "dog": "stand",
    "flower": "bloom",
}
LIVELY_CORES = (
    "Nothing beats {things} {place} {sky}!",
    "Just {things} {place} {sky}.",
    "Spotted: {things} {place} {sky}!",
    "Current mood: {things} {place} {sky}.",
    "Say hello to {things} {place} {sky}!",
    "Look at that, {things} {place} {sky}!",
    "Can't stop smiling at {things} {place} {sky}!",
    "Today's little wonder: {things} {place} {sky}.",
    "{Things} {verb} {place} {sky}.",
    "{Things} {place} {sky}, what a view!",
    "{Things} {place} {sky}? Yes please!",
    "{Sky}, {things} {verb} {place}.",
    "All I need is {things} {place} {sky}.",
    "Meet {things} {place}, living the dream {sky}!",
    "Happiness is {things} {place} {sky}!",
)
FEELINGS = (
    "Pure magic!",
    "My heart is full.",
    "Living for moments like this.",
    "So peaceful.",
    "Who needs more?",
    "Best day ever!",
    "Take me back!",
    "Simple joys.",
    "Made my day!",
    "I could stay here forever.",
    "Dreams do come true.",
    "",
    "",
    "",
)
LIVELY_SHORT = ("{Things} {sky}!", "{Things} {sky}!", "{Things} {sky}!", "Just {things} {sky}.")
"""Few: the likeliest next word is written, so a wish that many words would do could lose to one."""
QUESTIONS = (
    "Would you join me?",
    "Where would you go?",
    "What do you think?",
    "Who wants to be here too?",
    "Isn't that lovely?",
    "Have you ever seen this?",
)
LIVELY_MENTIONS = {
    "city": ("Greetings from {}!", "Greetings from {}!", "What a day in {}!"),
    "birthday": ("Happy birthday, {}!",),
    "person": ("Hello {}!", "Hello {}!", "This is for you, {}!"),
    "occasion": ("Perfect for {}!", "Perfect for {}!", "Here's to {}!"),
}
"""Names come after a blank, as in the text that asks for them: then their tokens are the same."""
PLAIN_CORES = (
    "{Things} {place} {sky}.",
    "The picture shows {things} {place} {sky}.",
    "A picture of {things} {place} {sky}.",
    "A view of {things} {place}, taken {sky}.",
    "{Things} can be seen {place} {sky}.",
    "{Sky}, {things} can be seen {place}.",
    "In this image there {is_are} {things} {place} {sky}.",
    "The image shows {things} {place}, photographed {sky}.",
)
PLAIN_SHORT = ("{Things} {place}.", "{Things} {sky}.")
PLAIN_DETAILS = {
    "sunny": "The sky is clear.",
    "cloudy": "The sky is full of clouds.",
    "rainy": "Rain is falling.",
    "sunset": "The sun is low.",
    "night": "The moon and the stars are out.",
    "fog": "The view is hazy.",
    "rainbow": "A wide arc of colours spans the sky.",
}
PLAIN_MENTIONS = {
    "city": ("Taken in {}.",),
    "birthday": ("For {}'s birthday.",),
    "person": ("For {}.",),
    "occasion": ("A picture for {}.",),
}
