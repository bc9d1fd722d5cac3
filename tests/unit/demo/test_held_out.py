import hashlib
from pathlib import Path

import pytest

from caption_studio.demo import held_out
from caption_studio.demo.held_out import held_out_instructions
from caption_studio.demo.names import real_names
from caption_studio.demo.obedience import CHECKS, copies, hashtags, is_alt_text, prose

AS_COMMITTED_BEFORE_MEASURING = "f253a11337b31b15613058fb3d7f89f73eb63d3d0e6fb0dc637ae6738bc19df5"


def test_the_instructions_are_those_that_were_committed_before_measuring():
    data = Path(held_out.__file__).with_name("held_out_instructions.jsonl").read_bytes()
    assert hashlib.sha256(data).hexdigest() == AS_COMMITTED_BEFORE_MEASURING


def test_there_are_eleven_hundred_instructions_for_tuning_and_two_hundred_for_the_figures():
    every = held_out_instructions()
    assert len(every) == len({one.text for one in every}) == 1_300
    assert len(held_out_instructions("validation")) == 1_100
    assert len(held_out_instructions("test")) == 200


@pytest.mark.parametrize("split", ["validation", "test"])
def test_lengths_are_spread_over_5_to_80_words(split):
    words = [one.words for one in held_out_instructions(split)]
    assert min(words) >= 5
    assert max(words) <= 80
    for least, most in ((5, 10), (11, 20), (21, 40), (41, 80)):
        assert sum(least <= number <= most for number in words) >= 20


@pytest.mark.parametrize("split", ["validation", "test"])
def test_each_split_has_every_check(split):
    instructions = held_out_instructions(split)
    asked = [name for one in instructions for name in one.obey]
    assert set(asked) == set(CHECKS)
    assert min(asked.count(name) for name in CHECKS) >= 8
    assert sum(bool(one.copy) for one in instructions) >= 20
    assert sum(not one.copy and not one.obey for one in instructions) >= 30


def test_names_to_copy_stand_in_the_text_and_in_no_list_of_training():
    for one in held_out_instructions():
        for name in one.copy:
            assert copies(one.text, name)
            assert name not in real_names("person", "place", "shop")


def test_hashtags_are_words_after_a_number_sign():
    assert hashtags("Two cats #catlife #snow!") == 2
    assert hashtags("We're #1, C# and a#b") == 0


def test_prose_leaves_out_hashtags_and_emoji():
    assert prose("Two cats 🐱⛄ What do you think? 🏖️ #catlife") == "Two cats What do you think?"


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        ("no hashtags", "A cat.", "A cat. #cat"),
        ("at most two hashtags", "A cat #a #b", "A cat #a #b #c"),
        ("no emoji", "A cat.", "A cat 🐱"),
        ("short", "A cat.", "A cat" * 20),
        ("question", "A cat. Lovely, isn't it? 🐱 #cat", "A cat? Yes!"),
        ("alt text", "A black cat in a snowy field.", "A black cat in a snowy field!"),
    ],
)
def test_each_check_tells_obedience_from_its_opposite(check, good, bad):
    assert CHECKS[check](good)
    assert not CHECKS[check](bad)


@pytest.mark.parametrize("caption", ["", "A cat 🐱", "A cat #cat", "Is it a cat?", "A cat. " * 30])
def test_alt_text_is_sober_and_not_too_long(caption):
    assert not is_alt_text(caption)


def test_a_name_counts_only_as_a_whole_word_outside_of_hashtags():
    assert copies("Greetings from Tromsø!", "Tromsø")
    assert copies("It is Anna's day", "Anna")
    assert not copies("Annabel was here", "Anna")
    assert not copies("A red car #Tromsø", "Tromsø")
