import pytest

from caption_studio.demo.scenes import (
    HELD_OUT_SEEDS,
    TRAINING_SEEDS,
    Pool,
    Scene,
    all_scenes,
    indefinite_article,
    sample_scene,
)


def test_there_are_thousands_of_distinct_descriptions():
    descriptions = {scene.description for scene in all_scenes()}
    assert len(descriptions) == len(all_scenes()) >= 2_000


def test_a_seed_always_gives_the_same_scene():
    for seed in range(50):
        assert sample_scene(seed) == sample_scene(seed)


def test_different_seeds_give_different_scenes():
    assert len({sample_scene(seed) for seed in range(100)}) > 80


def test_training_and_held_out_seeds_do_not_meet():
    assert TRAINING_SEEDS.stop <= HELD_OUT_SEEDS.start


def test_training_never_shows_a_held_out_combination():
    assert not any(sample_scene(seed, Pool.TRAINING).is_held_out for seed in range(500))


def test_the_held_out_pool_shows_nothing_else():
    assert all(sample_scene(seed, Pool.HELD_OUT).is_held_out for seed in range(50))


def test_about_one_combination_in_twenty_is_held_out():
    share = sum(scene.is_held_out for scene in all_scenes()) / len(all_scenes())
    assert 0.03 < share < 0.07


@pytest.mark.parametrize(
    ("scene", "description"),
    [
        (
            Scene("sailboat", "red", 1, "sea", "sunset"),
            "a red sailboat on a calm sea at sunset",
        ),
        (
            Scene("balloon", "yellow", 3, "hills", "sunny"),
            "three yellow balloons over green hills on a sunny day",
        ),
        (Scene("cat", "black", 2, "snow", "night"), "two black cats in a snowy field at night"),
        (Scene("bus", "orange", 1, "street", "fog"), "an orange bus on a city street in the fog"),
        (
            Scene("bus", "green", 2, "street", "rainbow"),
            "two green buses on a city street under a rainbow",
        ),
    ],
)
def test_descriptions_read_naturally(scene, description):
    assert scene.description == description


def test_the_article_follows_the_vowel():
    assert indefinite_article("orange") == "an"
    assert indefinite_article("yellow") == "a"


def test_no_description_has_a_wrong_article_or_plural():
    for scene in all_scenes():
        words = scene.description.split()
        if scene.count == 1:
            assert words[0] == ("an" if words[1][0] in "aeiou" else "a")
            assert words[2] == scene.subject
        else:
            assert words[0] in ("two", "three")
            assert words[2].endswith("s")
            assert words[2] != scene.subject
