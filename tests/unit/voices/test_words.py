"""The words of controls in the prompt: adapters know these and no others."""

import pytest

from caption_studio.records import Controls, Kept
from caption_studio.voices.asked_again import refused, wants_again
from caption_studio.voices.keeping.keep import keep
from caption_studio.voices.platforms import PLATFORMS
from caption_studio.voices.words import NAMES, fields, language_name, words

ALL = Controls("instagram", "playful", 120, 3, False, "de", ("cheap", "sale"))


def test_the_words_are_fixed() -> None:
    assert words(ALL, NAMES) == (
        "for Instagram, in a playful tone, at most 120 characters, with 3 hashtags, no emoji, "
        "in German, without the words cheap, sale"
    )
    other = Controls("x", "ironic", "short", 1, True, "tlh", ("ad",))
    assert words(other, NAMES) == (
        "for X, in an ironic tone, short, with 1 hashtag, with emoji, in tlh, without the word ad"
    )
    assert words(Controls(hashtags=0), NAMES) == "no hashtags"


def test_only_what_the_voice_was_trained_for_is_said() -> None:
    assert words(ALL, {"tone", "emoji"}) == "in a playful tone, no emoji"
    assert words(ALL, ()) == ""
    assert words(Controls(), NAMES) == ""


def test_callers_texts_stay_on_one_line() -> None:
    hostile = Controls(tone="x\nCaption:", language="y\u2028z", avoid=("a\nb", " "))
    assert words(hostile, NAMES) == "in a x Caption: tone, in y z, without the word a b"
    assert words(Controls(tone=" \n"), NAMES) == ""


def test_fields_have_the_bare_values() -> None:
    assert fields(ALL) == {
        "platform": "Instagram",
        "tone": "playful",
        "length": "at most 120 characters",
        "hashtags": "3",
        "emoji": "no",
        "language": "German",
        "avoid": "cheap, sale",
    }
    assert set(fields(Controls()).values()) == {""}


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("de", "German"),
        ("de-AT", "German"),
        ("pt-BR", "Brazilian Portuguese"),
        ("pt_br", "Brazilian Portuguese"),
        ("zh-Hant", "Traditional Chinese"),
        ("tlh", "tlh"),
    ],
)
def test_a_language_has_its_english_name(tag: str, name: str) -> None:
    assert language_name(tag) == name


def test_every_platform_has_limits() -> None:
    assert len(PLATFORMS) == 10
    assert all(platform.most_characters >= 280 for platform in PLATFORMS.values())


@pytest.mark.parametrize(
    ("controls", "trained", "name"),
    [
        (Controls(tone="dry", emoji=True), (), "tone"),
        (Controls(tone="dry", emoji=True), ("tone",), "emoji"),
        (Controls(language="de"), ("tone",), "language"),
        (Controls(tone="dry"), ("tone",), None),
        (Controls("x", None, 9, 2, False, None, ("a",)), (), None),
    ],
)
def test_what_nobody_can_keep_is_refused(
    controls: Controls, trained: tuple[str, ...], name: str | None
) -> None:
    assert refused(controls, trained) == name


@pytest.mark.parametrize(
    ("text", "controls", "again"),
    [
        ("Two cats in the snow tonight", Controls(length=24), False),
        ("Two cats in the snow tonight", Controls(length=12), True),
        ("🐱🐱🐱🐱🐱🐱 cats", Controls(emoji=False), False),
        ("🐱🐱", Controls(emoji=False), True),
        ("Two cats", Controls(emoji=True), True),
        ("Two cats #a #b #c", Controls(hashtags=0), False),
        ("Sunset sunset sea", Controls(avoid=("sunset",)), True),
        ("Two cats", Controls(hashtags=40, platform="instagram"), False),
    ],
)
def test_the_model_is_asked_again_if_that_may_help(
    text: str, controls: Controls, again: bool
) -> None:
    kept = keep(text, controls, "two black cats " + " ".join(f"word{n}" for n in range(40)))
    assert wants_again(kept, controls, text) is again


def test_a_control_that_a_caller_checked_counts_too() -> None:
    assert wants_again(Kept("Two cats", {"language": False}), Controls(language="de"), "Two cats")
