"""Scenes and a wish → captions in two voices, and the rule for what a caption must name.

No torch here: tests over HTTP import `names_scene`.
"""

import random
import re

from caption_studio.demo.scenes import COUNT_WORDS, Scene
from caption_studio.demo.wishes import Wish

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

_TAGS = {
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
_MOOD_TAGS = ("photooftheday", "goodvibes", "happy", "instagood", "wanderlust")
_VERBS = {
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
_LIVELY_CORES = (
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
_FEELINGS = (
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
_LIVELY_SHORT = ("{Things} {sky}!", "{Things} {place}!", "Just {things} {sky}.", "{Things}, {sky}.")
_QUESTIONS = (
    "Would you join me?",
    "Where would you go?",
    "What do you think?",
    "Who wants to be here too?",
    "Isn't that lovely?",
    "Have you ever seen this?",
)
_LIVELY_MENTIONS = {
    "city": (
        "Greetings from {}!",
        "Best of our trip to {}!",
        "Missing {} already!",
        "{}, we love you!",
    ),
    "birthday": ("Happy birthday, {}!", "{}, happy birthday to you!"),
    "person": ("This is for you, {}!", "{} would love this!", "Hi {}!", "Hugs to {}!"),
    "occasion": ("Perfect for {}!", "Ready for {}!", "Here's to {}!"),
}
_PLAIN_CORES = (
    "{Things} {place} {sky}.",
    "The picture shows {things} {place} {sky}.",
    "A picture of {things} {place} {sky}.",
    "A view of {things} {place}, taken {sky}.",
    "{Things} can be seen {place} {sky}.",
    "{Sky}, {things} can be seen {place}.",
    "In this image there {is_are} {things} {place} {sky}.",
    "The image shows {things} {place}, photographed {sky}.",
)
_PLAIN_SHORT = ("{Things} {place}.", "{Things} {sky}.")
_PLAIN_DETAILS = {
    "sunny": "The sky is clear.",
    "cloudy": "The sky is full of clouds.",
    "rainy": "Rain is falling.",
    "sunset": "The sun is low.",
    "night": "The moon and the stars are out.",
    "fog": "The view is hazy.",
    "rainbow": "A wide arc of colours spans the sky.",
}
_PLAIN_MENTIONS = {
    "city": ("Taken in {}.", "Seen on a trip to {}."),
    "birthday": ("For {}'s birthday.", "A birthday greeting for {}."),
    "person": ("For {}.", "With greetings to {}."),
    "occasion": ("A picture for {}.", "Posted for {}."),
}


def names_scene(caption: str, scene: Scene) -> bool:
    """Return whether a caption names the content of the picture.

    Its prose (hashtags do not count) must hold the colour word directly before the subject
    noun, in the right number, and before them the count word if the count is two or three.
    """
    prose = re.sub(r"#\w+", " ", caption.lower())
    if scene.count > 1:
        wanted = f"{COUNT_WORDS[scene.count]} {scene.colour} {scene.noun}"
        return re.search(rf"\b{wanted}\b", prose) is not None
    found = re.search(rf"\b(?:(two|three) )?{scene.colour} {scene.noun}\b", prose)
    return found is not None and found.group(1) is None


def names_setting(caption: str, scene: Scene) -> bool:
    """Tell whether a caption's prose names the place or the sky, as the description does."""
    prose = re.sub(r"#\w+", " ", caption.lower())
    return scene.place_phrase in prose or scene.sky_phrase in prose


def has_emoji(caption: str) -> bool:
    """Tell whether a caption holds an emoji."""
    return re.search("[\u2600-\u27bf\U0001f000-\U0001faff]", caption) is not None


def lively_caption(scenes: list[Scene], rng: random.Random, wish: Wish | None = None) -> str:
    """Return a caption in the social-media voice: warm words, emoji and hashtags."""
    wish = wish or Wish()
    parts = [_core(scenes, rng, wish, _LIVELY_SHORT if wish.short else _LIVELY_CORES)]
    if wish.mention:
        parts.append(rng.choice(_LIVELY_MENTIONS[wish.mention.kind]).format(wish.mention.name))
    elif not wish.short and len(scenes) == 1:
        parts.append(rng.choice(_FEELINGS))
    if not wish.no_emoji:
        parts.append(_emoji(scenes, rng))
    if wish.question:
        parts.append(rng.choice(_QUESTIONS))
    elif not (wish.short or wish.no_hashtags):
        parts.append(_hashtags(scenes, rng))
    return " ".join(part for part in parts if part)


def plain_caption(scenes: list[Scene], rng: random.Random, wish: Wish | None = None) -> str:
    """Return a sober alternative text: no emoji, no hashtags."""
    wish = wish or Wish()
    parts = [_core(scenes, rng, wish, _PLAIN_SHORT if wish.short else _PLAIN_CORES)]
    if wish.mention:
        parts.append(rng.choice(_PLAIN_MENTIONS[wish.mention.kind]).format(wish.mention.name))
    elif len(scenes) == 1 and not wish.short and rng.random() < 0.5:
        parts.append(_PLAIN_DETAILS[scenes[0].sky])
    if wish.question:
        parts.append(rng.choice(("What do you see?", "What stands out to you?")))
    return " ".join(parts)


def _core(scenes: list[Scene], rng: random.Random, wish: Wish, templates: tuple[str, ...]) -> str:
    if len(scenes) == 1:
        return _filled(rng.choice(templates), scenes[0])
    told = [
        s.things if wish.short else f"{s.things} {s.place_phrase} {s.sky_phrase}" for s in scenes
    ]
    joined = f"{', '.join(told[:-1])} and {told[-1]}"
    lead = "" if wish.short else rng.choice(("", "", "First "))
    if lead:
        joined = ", then ".join(told)
    text = lead + joined
    return text[0].upper() + text[1:] + ("." if templates in (_PLAIN_CORES, _PLAIN_SHORT) else "!")


def _filled(template: str, scene: Scene) -> str:
    things, sky, verb = scene.things, scene.sky_phrase, _VERBS[scene.subject]
    if scene.count == 1:
        verb = "flies" if verb == "fly" else f"{verb}s"
    return template.format(
        things=things,
        Things=things[0].upper() + things[1:],
        place=scene.place_phrase,
        sky=sky,
        Sky=sky[0].upper() + sky[1:],
        verb=verb,
        is_are="is" if scene.count == 1 else "are",
    )


def _emoji(scenes: list[Scene], rng: random.Random) -> str:
    if len(scenes) > 1:
        return "".join(SUBJECT_EMOJI[scene.subject] for scene in scenes)
    scene = scenes[0]
    setting = SETTING_EMOJI[rng.choice((scene.place, scene.sky))]
    return SUBJECT_EMOJI[scene.subject] + setting + rng.choice(("", "", *MOOD_EMOJI))


def _hashtags(scenes: list[Scene], rng: random.Random) -> str:
    if len(scenes) > 1:
        tags = [rng.choice(_TAGS[scene.subject]) for scene in scenes]
    else:
        tags = [rng.choice(_TAGS[scenes[0].subject])]
        tags.append(rng.choice(_TAGS[rng.choice((scenes[0].place, scenes[0].sky))]))
        if rng.random() < 0.4:
            tags.append(rng.choice(_MOOD_TAGS))
    return " ".join(f"#{tag}" for tag in dict.fromkeys(tags))
