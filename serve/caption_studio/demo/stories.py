"""Random choices → stories, travel notes and dialogues about scenes, for the base corpus."""

import random

from caption_studio.demo.captions import lively_caption, plain_caption
from caption_studio.demo.names import some_name, some_place
from caption_studio.demo.scenes import COUNT_WORDS, Pool, Scene, sample_scene

_GREETINGS = (
    ("Hello!", "Hello! How can I help you?"),
    ("Hi there", "Hi! Would you like a caption for a photo?"),
    ("Good morning", "Good morning! What would you like to post today?"),
    ("Who are you?", "I am a small assistant that writes captions for photos."),
    ("What can you do?", "I can write captions, stories and notes about photos."),
    ("How are you?", "I am fine, thank you! How are you?"),
    ("Thank you!", "You are welcome!"),
    ("Goodbye", "Goodbye! See you soon."),
)
_OPENINGS = (
    "One morning, {n} went for a walk with {m}.",
    "Once upon a time, {n} lived in a small house near {c}.",
    "{n} had never seen anything like it.",
    "It was the first day of the holiday, and {n} woke up early.",
    "Last year {n} moved to {c} with {m}.",
    "{n} loved to take photos.",
    "On the way home from {c}, {n} stopped.",
    "Every day after school, {n} and {m} met at the corner.",
)
_SIGHTS = (
    "There was {x}.",
    "There, {n} saw {x}.",
    '"Look, {x}!" said {m}.',
    "They stopped, because they saw {x}.",
    "In front of them was a picture like in a book: {x}.",
    "{n} could see {x}.",
    "Then they came upon {x}.",
)
_MIDDLES = (
    "{n} took a photo and smiled.",
    "{m} laughed and clapped.",
    "They sat down and watched for a long time.",
    "Nobody said a word.",
    '"How beautiful," said {n}.',
    "The air was fresh and the world was quiet.",
    "{n} wanted to stay for ever.",
    '"Can we come back tomorrow?" asked {m}.',
    "They shared some bread and cheese.",
    "A little wind was blowing.",
    "{m} made a drawing of it.",
    "{n} told {m} an old story.",
    "They counted the birds in the sky.",
)
_ENDINGS = (
    "In the evening they walked home, tired and happy.",
    "{n} never forgot that day.",
    "And that is how {n} and {m} became friends.",
    "The photo still hangs on the wall.",
    "It was the best day of the year.",
    "The next day they came back.",
    "At home, {n} posted the photo, and everybody liked it.",
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NOTES = (
    "We took the early train from {c} and walked the rest.",
    "The food in {c} is wonderful, try the soup.",
    "We stayed in a small hotel near the station.",
    "Bring good shoes and a warm jacket.",
    "The locals are friendly and love to talk.",
    "Best seen early, before the crowds arrive.",
    "{n} took more than a hundred photos.",
    "Tickets are cheap and the bus runs every hour.",
    "We will come back next year.",
)


def _scene(rng: random.Random) -> Scene:
    return sample_scene(rng.getrandbits(40), Pool.TRAINING)


def story(rng: random.Random) -> str:
    """Return a little story of four to eight sentences."""
    n, m = some_name(rng), some_name(rng)
    lines = [rng.choice(_OPENINGS)]
    for _ in range(rng.choice((1, 1, 2))):
        sight = rng.choice(_SIGHTS).replace("{x}", _scene(rng).description)
        lines += [sight, *rng.sample(_MIDDLES, rng.randint(1, 2))]
    lines.append(rng.choice(_ENDINGS))
    return " ".join(lines).format(n=n, m=m, c=some_place(rng))


def travel_note(rng: random.Random) -> str:
    """Return a note from a journey: a heading, what was seen, some advice."""
    city, scene = some_place(rng), _scene(rng)
    heading = rng.choice((f"{city}, {rng.choice(_DAYS)}", f"Day {rng.randint(1, 12)} in {city}"))
    seen = rng.choice(
        (
            "Today we saw {}.",
            "The highlight was {}.",
            "Photo of the day: {}.",
            "Just outside the town: {}.",
        )
    ).format(scene.description)
    advice = rng.sample(_NOTES, rng.randint(1, 3))
    return f"{heading}\n{seen} {' '.join(advice)}".format(c=city, n=some_name(rng))


def _about(scene: Scene, rng: random.Random) -> tuple[str, str]:
    """Return a question about a scene and its answer."""
    noun, things = scene.noun, scene.things
    is_are = "is" if scene.count == 1 else "are"
    answers = {
        f"What colour {is_are} the {noun}?": f"The {noun} {is_are} {scene.colour}.",
        "How many are there?": f"There {is_are} {COUNT_WORDS[scene.count]}.",
        f"Where {is_are} the {noun}?": f"The {noun} {is_are} {scene.place_phrase}.",
        "What is in the picture?": f"The picture shows {things} {scene.place_phrase}.",
        "What do you see?": f"I see {scene.description}.",
        "Write a caption, please.": lively_caption([scene], rng),
        "Can you write a post for Instagram?": lively_caption([scene], rng),
        "Write an alt text.": plain_caption([scene], rng),
        "Describe it in plain words.": plain_caption([scene], rng),
    }
    return rng.choice(list(answers.items()))


def dialogue(rng: random.Random) -> str:
    """Return a short conversation in "User: …", "Assistant: …" lines."""
    if rng.random() < 0.25:
        turns = [rng.choice(_GREETINGS)]
    else:
        scene = _scene(rng)
        opening = rng.choice(
            (
                "I have a photo of {}.",
                "My photo shows {}.",
                "I took a picture of {}.",
                "Here is {}.",
            )
        ).format(scene.description)
        question, answer = _about(scene, rng)
        turns = [(f"{opening} {question}", answer)]
        if rng.random() < 0.5:
            turns.append(_about(scene, rng))
        if rng.random() < 0.2:
            turns.append(rng.choice(_GREETINGS[-2:]))
    if rng.random() < 0.2:
        turns.insert(0, rng.choice(_GREETINGS[:6]))
    return "\n".join(f"User: {asked}\nAssistant: {answered}" for asked, answered in turns)
