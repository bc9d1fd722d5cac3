"""Captions kept to their controls, by example."""

import pytest

from caption_studio.records import Controls
from caption_studio.voices.keeping.avoid import without_words
from caption_studio.voices.keeping.checks import holds
from caption_studio.voices.keeping.cut import without_leading_words
from caption_studio.voices.keeping.emoji import has_emoji, without_emoji
from caption_studio.voices.keeping.keep import keep

CATS = "two black cats in a snowy field at night"
LIVELY = "Meet two black cats living the dream! 🐱🌙✨ #catsofinstagram #nightvibes"


def kept(text: str, description: str = CATS, **controls: object) -> str:
    return keep(text, Controls(**controls), description).text  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, "Meet two black cats living the dream! 🐱🌙✨"),
        (1, "Meet two black cats living the dream! 🐱🌙✨ #catsofinstagram"),
        (2, LIVELY),
        (4, f"{LIVELY} #snowy #field"),
    ],
)
def test_the_number_of_hashtags_is_exact(number: int, expected: str) -> None:
    assert kept(LIVELY, hashtags=number) == expected


@pytest.mark.parametrize(
    ("text", "number", "expected"),
    [
        ("Loving the #sunset tonight #Sunset #sea", 1, "Loving the #sunset tonight"),
        ("Loving the #sunset tonight #sea", 0, "Loving the sunset tonight"),
        ("Loving the #sunset #sea", 0, "Loving the sunset"),
        ("#a#b", 0, ""),
        ("#Field #cats", 3, "#Field #cats #snowy"),
        ("A view\n\n#sea", 2, "A view\n\n#sea #snowy"),
        ("A view #sea 🌊", 2, "A view #sea #snowy 🌊"),
        ("A view 🌊", 1, "A view 🌊 #snowy"),
    ],
)
def test_a_hashtag_in_a_sentence_stays_as_a_word(text: str, number: int, expected: str) -> None:
    assert kept(text, hashtags=number) == expected


def test_hashtags_are_made_of_other_words_than_those_to_avoid() -> None:
    assert kept("A view", hashtags=2, avoid=("snow", "night")) == "A view #field #cats"


def test_hashtags_that_nothing_can_be_made_of_are_missing_and_said_to_be() -> None:
    result = keep("Up!", Controls(hashtags=3), "a cat")
    assert (result.text, dict(result.held)) == ("Up! #cat", {"hashtags": False})


def test_a_platform_allows_so_many_hashtags() -> None:
    text = "Sea " + " ".join(f"#tag{n}" for n in range(35))
    result = keep(text, Controls(platform="instagram"), CATS)
    assert result.text.count("#") == 30
    assert result.held["platform"]
    asked = keep(text, Controls(platform="instagram", hashtags=35), CATS)
    assert dict(asked.held) == {"platform": True, "hashtags": False}


@pytest.mark.parametrize(
    ("text", "length", "expected"),
    [
        ("Two cats with a ball and a dog", 16, "Two cats"),
        ("Two cats, a ball and a dog", 11, "Two cats"),
        ("Two black cats. They play in the snow", 24, "Two black cats."),
        ("Wow! They play in the deep snow", 24, "Wow! They play"),
        ("Sea 👨‍👩‍👧 and sun", 8, "Sea"),
        ("Donaudampfschiff", 5, "Donau"),
        ("👨‍👩‍👧 family", 3, ""),
        ("東京の夜景がとても綺麗", 5, "東京の夜景"),
        ("A view of #mountains", 15, "A view"),
        ("A view of it all #sea #sun", 22, "A view of it all #sea"),
        ("short", 80, "short"),
    ],
)
def test_a_text_is_cut_where_it_reads_well(text: str, length: int, expected: str) -> None:
    assert kept(text, length=length) == expected


def test_the_sentence_makes_room_for_the_hashtags_that_are_asked_for() -> None:
    text = kept("Two cats play in the #snow of a long night #cats", hashtags=3, length=50)
    assert text.endswith(" #snow #cats #snowy")
    assert text.startswith("Two cats play in the snow")


def test_lengths_have_names() -> None:
    text = "word " * 100
    for name, most in (("short", 80), ("medium", 160), ("long", 320)):
        assert most - 5 <= len(kept(text, length=name)) <= most


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Love❤you 👨‍👩‍👧 and 1️⃣ flag 🇩🇪! 🔥 #a", "Love you and 1 flag! #a"),
        ("👍🏽 Hot 🏴󠁧󠁢󠁥󠁮󠁧󠁿 day, 🔥.", "Hot day."),
        ("One\n\n🔥\n\nTwo", "One\n\nTwo"),
        ("(🔥) yes", "yes"),
        ("#️⃣cats", "# cats"),
        ("© 2026 Nike™ ↔ ★", "© 2026 Nike™ ↔ ★"),
        ("Tag #1 & 2", "Tag #1 & 2"),
        ("🔥", ""),
    ],
)
def test_emoji_go_and_leave_no_hole(text: str, expected: str) -> None:
    assert without_emoji(text) == expected
    assert not has_emoji(without_emoji(text))


def test_an_emoji_cannot_be_made_up() -> None:
    assert dict(keep("Hi", Controls(emoji=True), CATS).held) == {"emoji": False}
    assert dict(keep("Hi 🐱", Controls(emoji=True), CATS).held) == {"emoji": True}


@pytest.mark.parametrize(
    ("text", "terms", "expected"),
    [
        ("Enjoying the sunset. #SunsetLovers #beach", "sunset", "Enjoying. #beach"),
        ("Sunset over the sea, a sunset view", "sunset", "Over the sea, a view"),
        ("Sünset's glow, two SUNSETS!", "sunset", "Glow, two!"),
        ("A day in New-York with friends", "new york", "A day with friends"),
        ("New. York is old", "new york", "New. York is old"),
        ("In #NewYork #new_york #york", "new york", "In #york"),
        ("A class of glass", "ass", "A class of glass"),
        ("#glass #class #grassroots", "ass", "#grassroots"),
        ("#education #CatLife #catlife", "cat", "#education"),
        ("#party of art", "art", "#party"),
        ("Can't you? You can!", "can", "Can't you? You!"),
        ("L'amour et l'été", "amour", "Et l'été"),
        ("東京の夜景", "夜景", "東京の"),
        ("Look — what a view", "—", "Look what a view"),
        ("Hot 🔥🔥 day", "🔥", "Hot day"),
        ("Puppies and a puppy", "puppy", ""),
        ("The sea", "", "The sea"),
        ("a b b c", "b", "a c"),
        ("the new new york york end", "new york", "the end"),
    ],
)
def test_words_to_avoid_go_and_leave_a_sentence(text: str, terms: str, expected: str) -> None:
    assert without_words(text, (terms,)) == expected


def test_words_that_lead_on_are_no_end() -> None:
    assert without_leading_words("The sky is so blue and with a") == "The sky is so blue"
    assert without_leading_words("and the") == "and the"


def test_every_platforms_way_to_count() -> None:
    flags = "🇩🇪" * 100
    for platform, most in (("x", 140 * 2), ("bluesky", 300 * 2), ("threads", 62 * 2)):
        text = kept(flags * 4, platform=platform)
        assert most - 8 <= len(text) <= most
    assert len(kept("é " * 3000, platform="youtube").encode()) <= 5000
    assert len(kept("東" * 200, platform="x")) == 140


def test_a_check_looks_at_the_text_alone() -> None:
    controls = Controls("x", "playful", 10, 1, False, "de", ("sea",))
    assert holds("The #sea 🌊 is wide", controls) == {
        "platform": True,
        "length": False,
        "hashtags": True,
        "emoji": False,
        "avoid": False,
    }
    assert holds("So #wide", controls) == dict.fromkeys(
        ("platform", "length", "hashtags", "emoji", "avoid"), True
    )
