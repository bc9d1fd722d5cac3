"""Captions that name another thing, colour or number than the description."""

import random
from dataclasses import replace

import pytest

from caption_studio.demo.captions import lively_caption, plain_caption
from caption_studio.demo.instructions import sample_wish
from caption_studio.demo.scenes import SUBJECTS, Scene, sample_scene
from caption_studio.voices.faithfulness.faithful import contradictions
from caption_studio.voices.faithfulness.noun_phrases import named_things
from caption_studio.voices.faithfulness.things import plural_of

VOICES = (lively_caption, plain_caption)
COLOURS = sorted({colour for subject in SUBJECTS.values() for colour in subject.colours})


@pytest.mark.parametrize(
    ("description", "caption", "found"),
    [
        ("a brown dog on a beach", "My black dog loves the sea!", "black dog, not brown"),
        ("a brown dog on a beach", "A kitty by the sea", "cat, not dog"),
        ("a brown dog on a beach", "This pup loves the sea", ""),
        ("a brown dog on a beach", "What a lovely animal", ""),
        ("three boats on a lake", "Two boats, endless calm", "two boats, not three"),
        ("three boats on a lake", "A couple of boats", "two boats, not three"),
        ("three boats on a lake", "3 boats", ""),
        ("three boats on a lake", "Boats, boats, boats", ""),
        ("a red car on a street", "The car is so blue!", "blue car, not red"),
        ("a red car on a street", "A red-hot crimson car", ""),
        ("a car on a street", "A blue car", "blue car, of which no colour is described"),
        ("a man on a bench", "This woman can relax", "woman, not man"),
        ("a person on a bench", "This woman can relax", ""),
        ("two cats on a sofa", "A lonely cat on a couch", "one cat, not two"),
        ("a cat on a sofa; a cat on a bed", "Two cats", ""),
        ("a bird over the sea", "A little duck", "duck, not bird"),
        ("a duck on a lake", "A little bird", ""),
        ("a red kite over a beach", "Three ducks, what a view!", "duck, not kite"),
        ("a black and white cat", "A white and black cat", ""),
        ("green hills and a red car", "A green car", "green car, not red"),
        ("a red car", "No truck, just my car. #bluetruck #truck 🚚", ""),
        ("", "A cat", ""),
        ("a cat", "", ""),
    ],
)
def test_a_contradiction_is_named(description: str, caption: str, found: str) -> None:
    assert ", ".join(contradictions(caption, description)) == found


@pytest.mark.parametrize(
    ("description", "caption"),
    [
        (
            "a man riding a wave on a surfboard",
            "Catch the wave and ride it like nobody's watching 🌊🏄",
        ),
        ("a man riding a wave on a surfboard", "One of those days when the sea is all you need."),
        ("a dog laying on a couch", "Dog days are the best days. My pup owns this sofa now!"),
        ("two dogs playing in the grass", "Double trouble! These two pups never get tired."),
        (
            "a plate of food with broccoli and rice",
            "Eat the rainbow! Healthy never tasted so good.",
        ),
        ("a woman sitting on a bench in a park", "Finding her happy place, one bench at a time."),
        (
            "a group of people standing around a table",
            "Friends who feast together stay together. Two thumbs up!",
        ),
        (
            "a red double decker bus driving down a street",
            "Hop on! London calling, and this red beauty never gets old.",
        ),
        (
            "a cat sitting on a laptop",
            "Working from home with my favourite coworker. Feeling blue? Get a cat!",
        ),
        (
            "a black and white cat sleeping on a bed",
            "Cat naps are serious business. Black and white and purr all over.",
        ),
        ("a bowl of fruit with apples and bananas", "An apple a day keeps the doctor away!"),
        ("a view of the ocean at sunset", "Golden hour hits different by the sea."),
        ("a large airplane flying in the sky", "Up, up and away! Where would this jet take you?"),
        ("a bird sitting on a branch", "Free as a bird. One little feathered friend says hello."),
        (
            "a birthday cake with candles",
            "Another trip around the sun! Make a wish before the first slice of cake.",
        ),
        (
            "a man and a woman standing next to each other",
            "Just the two of us. My person, my home.",
        ),
        ("a little girl holding an umbrella", "Let a smile be your umbrella on a rainy day."),
        (
            "a brown horse standing in a field",
            "Hold your horses! This gentle giant stole my heart.",
        ),
        ("a street sign on a pole", "All roads lead somewhere. A bird's eye view of the city."),
        (
            "a white plate topped with a slice of pizza",
            "Life happens, pizza helps. Just one more slice?",
        ),
        (
            "a group of elephants walking in the grass",
            "Family first, always. An elephant never forgets.",
        ),
        ("a person on a snowboard in the air", "Powder days are calling. Fly like an eagle!"),
        ("a kitchen with a stove and refrigerator", "The heart of the home."),
        ("a train on a train track", "Next stop: adventure! Who's on board?"),
        ("a teddy bear sitting on a bed", "Everyone needs a teddy bear hug today."),
        (
            "a couple of zebras standing in a field",
            "Earning our stripes. Two zebras are better than one!",
        ),
        ("a boy playing baseball", "Future MVP! That kid can swing."),
        (
            "a vase of flowers on a table",
            "Bloom where you are planted. Fresh flowers, fresh start.",
        ),
        ("a boat in the water", "Anchors aweigh! Nothing but blue skies and a boat."),
        ("a close up of a yellow flower", "Be a sunflower in a field of weeds. Yellow is my mood."),
        (
            "a herd of sheep grazing on a hill",
            "Counting sheep never looked this good. Not a wolf in sight!",
        ),
        ("a man in a suit and tie", "Suit up! Monday, here comes the boss man."),
        ("a car parked on the street", "Old but gold. They don't make cars like this anymore."),
        ("a tennis player hitting a ball", "Game, set, match! Keep your eye on the ball."),
        ("a house with a garden", "Home is where the heart is. A house made of love."),
    ],
)
def test_what_people_post_is_no_contradiction(description: str, caption: str) -> None:
    assert contradictions(caption, description) == ()


def _caption(scenes: list[Scene], rng: random.Random) -> str:
    wish = sample_wish(rng)
    return rng.choice(VOICES)(scenes, rng, wish)


def test_true_captions_of_the_demo_raise_no_alarm() -> None:
    for seed in range(1_000):
        rng = random.Random(seed)
        scenes = [sample_scene(rng.getrandbits(40)) for _ in range(rng.choice((1, 1, 2, 3)))]
        caption = _caption(scenes, rng)
        described = "; ".join(scene.description for scene in scenes)
        assert contradictions(caption, described) == (), caption


def _another(scene: Scene, attribute: str, rng: random.Random) -> Scene:
    if attribute == "subject":
        name = rng.choice([name for name in SUBJECTS if name != scene.subject])
        return replace(scene, subject=name, place=rng.choice(SUBJECTS[name].places))
    if attribute == "colour":
        return replace(scene, colour=rng.choice([c for c in COLOURS if c != scene.colour]))
    return replace(scene, count=rng.choice([n for n in (1, 2, 3) if n != scene.count]))


@pytest.mark.parametrize("attribute", ["subject", "colour", "count"])
def test_captions_of_another_scene_are_found(attribute: str) -> None:
    for seed in range(700):
        rng = random.Random(seed)
        scene = sample_scene(seed)
        other = _another(scene, attribute, rng)
        if (scene.subject, other.subject) == ("duck", "bird"):
            continue  # a duck is a bird
        caption = _caption([other], rng)
        assert contradictions(caption, scene.description), (caption, scene.description)


def test_a_phrase_is_read() -> None:
    (named,) = named_things("Look: three happy black and white puppies in the snow")
    assert (named.thing.name, named.number, named.counted) == ("dog", 3, True)
    assert named.colours == {"black", "white"}


@pytest.mark.parametrize(
    ("noun", "plural"),
    [
        ("bus", "buses"),
        ("pony", "ponies"),
        ("monkey", "monkeys"),
        ("goose", "geese"),
        ("fox", "foxes"),
    ],
)
def test_plurals(noun: str, plural: str) -> None:
    assert plural_of(noun) == plural
