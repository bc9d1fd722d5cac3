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
from caption_studio.demo.scenes import Scene, sample_scene
from caption_studio.demo.wishes import (
    CITIES,
    HELD_OUT_CITIES,
    HELD_OUT_NAMES,
    NAMES,
    Mention,
    Wish,
    effective_wish,
    neutral_wish,
)

CATS = Scene("cat", "black", 2, "snow", "night")
BOAT = Scene("sailboat", "red", 1, "sea", "sunset")


@pytest.mark.parametrize("voice", [lively_caption, plain_caption])
def test_every_caption_names_every_scene_and_holds_no_double_quote(voice):
    for seed in range(1_500):
        rng = random.Random(seed)
        scenes = [sample_scene(seed + 10_000 * n) for n in range(rng.choice((1, 1, 2, 3)))]
        wish = rng.choice((Wish(), neutral_wish(rng), effective_wish(rng)))
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


def test_the_lively_voice_obeys_wishes():
    for seed in range(100):
        rng = random.Random(seed)
        assert "#" not in lively_caption([CATS], rng, Wish(no_hashtags=True))
        assert not has_emoji(lively_caption([CATS], rng, Wish(no_emoji=True)))
        assert lively_caption([CATS], rng, Wish(question=True)).endswith("?")
        assert "Lisbon" in lively_caption([CATS], rng, Wish(mention=Mention("city", "Lisbon")))
        assert len(lively_caption([CATS], rng, Wish(short=True)).split()) <= 12


def test_the_voices_differ_in_emoji_and_hashtags():
    rng = random.Random(0)
    lively, plain = lively_caption([BOAT], rng), plain_caption([BOAT], rng)
    assert has_emoji(lively)
    assert "#" in lively
    assert not has_emoji(plain)
    assert "#" not in plain


def test_names_for_evaluation_are_not_in_the_training_lists():
    assert not set(HELD_OUT_NAMES) & set(NAMES)
    assert not set(HELD_OUT_CITIES) & set(CITIES)


def test_scenes_painter_and_captions_need_no_torch():
    code = (
        "import sys\n"
        "from caption_studio.demo import captions, corpus, painter, paths, scenes, train\n"
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
