import random
import subprocess
import sys

import pytest

from caption_studio.demo.captions import (
    has_emoji,
    lively_caption,
    names_scene,
    names_setting,
    plain_caption,
)
from caption_studio.demo.instructions import sample_wish
from caption_studio.demo.names import HELD_OUT_CITIES, HELD_OUT_NAMES, real_names
from caption_studio.demo.obedience import CHECKS, copies, hashtags
from caption_studio.demo.scenes import Scene, sample_scene
from caption_studio.demo.wishes import Mention, Wish

CATS = Scene("cat", "black", 2, "snow", "night")
BOAT = Scene("sailboat", "red", 1, "sea", "sunset")


@pytest.mark.parametrize("voice", [lively_caption, plain_caption])
def test_every_caption_names_every_scene_and_holds_no_double_quote(voice):
    for seed in range(1_500):
        rng = random.Random(seed)
        scenes = [sample_scene(seed + 10_000 * n) for n in range(rng.choice((1, 1, 2, 3)))]
        wish = sample_wish(rng)
        caption = voice(scenes, rng, wish)
        assert '"' not in caption
        assert all(names_scene(caption, scene) for scene in scenes), caption


def test_a_caption_without_wishes_names_its_setting():
    for seed in range(300):
        scene = sample_scene(seed)
        assert names_setting(lively_caption([scene], random.Random(seed)), scene)


@pytest.mark.parametrize(
    "caption",
    [
        "Two black cats at night!",
        "Meet two black cats living the dream.",
        "TWO BLACK CATS 🐱",
    ],
)
def test_naming_accepts_count_colour_and_noun(caption):
    assert names_scene(caption, CATS)


@pytest.mark.parametrize(
    "caption",
    [
        "Two cats at night!",
        "Black cats at night!",
        "Two black cat at night!",
        "Three black cats at night!",
        "Two white cats at night!",
        "Two black dogs at night!",
        "What a night! #two #black #cats",
        "Night. #two black cats",
    ],
)
def test_naming_refuses_what_is_missing_or_wrong(caption):
    assert not names_scene(caption, CATS)


def test_one_thing_must_not_be_counted_as_more():
    assert names_scene("A red sailboat, what a view", BOAT)
    assert not names_scene("Two red sailboats", BOAT)
    assert not names_scene("Two red sailboat", BOAT)
    assert not names_scene("A red sailboats", BOAT)


@pytest.mark.parametrize("voice", [lively_caption, plain_caption])
def test_captions_obey_what_was_wished(voice):
    wishes = {
        "no hashtags": Wish(hashtags=(0, 0)),
        "at most two hashtags": Wish(hashtags=(0, 2)),
        "no emoji": Wish(emoji=False),
        "short": Wish(short=True),
        "question": Wish(question=True),
        "alt text": Wish(alt_text=True),
    }
    for seed in range(60):
        rng, scene = random.Random(seed), sample_scene(seed)
        for name, wish in wishes.items():
            assert CHECKS[name](caption := voice([scene], rng, wish)), caption
        assert copies(voice([scene], rng, Wish(mentions=(Mention("city", "Oslo"),))), "Oslo")


@pytest.mark.parametrize("voice", [lively_caption, plain_caption])
def test_captions_obey_what_controls_ask_for(voice):
    for seed in range(60):
        rng, scene = random.Random(seed), sample_scene(seed)
        for number in range(6):
            assert hashtags(voice([scene], rng, Wish(hashtags=(number, number)))) == number
        assert has_emoji(voice([scene], rng, Wish(emoji=True)))
        assert len(voice([scene], rng, Wish(most_characters=60))) <= 60
        avoiding = voice([scene], rng, Wish(avoid=("picture", "nothing"))).lower()
        assert "picture" not in avoiding
        assert "nothing" not in avoiding
        assert "!" not in voice([scene], rng, Wish(sober=True))


def test_any_wish_that_can_be_drawn_is_obeyed():
    for seed in range(800):
        rng, scene = random.Random(seed), sample_scene(seed)
        wish = sample_wish(rng)
        caption = lively_caption([scene], rng, wish)
        least, most = wish.hashtags or (0, 9)
        assert wish.alt_text or least <= hashtags(caption) <= most
        assert wish.emoji is None or wish.alt_text or has_emoji(caption) is wish.emoji
        assert not wish.question or CHECKS["question"](caption)
        assert all(copies(caption, one.name) for one in wish.mentions)
        assert not any(f" {word} " in caption.lower() for word in wish.avoid)


def test_the_voices_differ_in_emoji_and_hashtags():
    rng = random.Random(0)
    lively, plain = lively_caption([BOAT], rng), plain_caption([BOAT], rng)
    assert has_emoji(lively)
    assert "#" in lively
    assert not has_emoji(plain)
    assert "#" not in plain


def test_names_for_evaluation_are_not_in_the_training_lists():
    assert not set(HELD_OUT_NAMES) & set(real_names("person"))
    assert not set(HELD_OUT_CITIES) & set(real_names("place", "shop"))


def test_scenes_painter_and_captions_need_no_torch():
    code = (
        "import sys\n"
        "from caption_studio.demo import captions, corpus, listening, painter, scenes, train\n"
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
