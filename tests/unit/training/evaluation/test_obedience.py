"""A caption obeys an instruction, or it does not, or it does not tell."""

import pytest

from caption_studio.training.evaluation.measures.obedience import obeyed


@pytest.mark.parametrize(
    ("caption", "request_", "held"),
    [
        ("A duck. #duck", "no hashtags", False),
        ("A duck, no. #1", "no hashtags", True),
        ("A duck #a1 #b2 #c3", "at most two hashtags", False),
        ("A duck #a1 #b2", "exactly two hashtags", True),
        ("A duck 🦆", "no emoji", False),
        ("A duck 👩‍👩‍👧 🏖️", "exactly two emoji", True),
        ("Five words and no more #tag 🦆", "exactly five words", True),
        ("x" * 81, "keep it short", False),
        ("x" * 80, "keep it short", True),
        ("x" * 31, "at most 30 characters", False),
        ("Would you join me? 🦆 #duck", "end with a question", True),
        ("Would you? I would.", "end with a question", False),
        ("A duck on a lake.", "as alt text", True),
        ("A duck on a lake!", "as alt text", False),
        ("Greetings from lisbon!", "mention Lisbon", True),
        ("Greetings from Lisboa", "mention Lisbon", False),
        ("A day at São João", "mention São João", True),
        ("Red it is", "without the word red", False),
        ("Der Hund schläft in der Sonne 🐶", "in German", True),
        ("A dog sleeps in the sun", "in German", False),
        ("犬が寝ている", "in Japanese", True),
        ("犬在睡觉", "in Japanese", False),
        ("Собака спит", "in Spanish", False),
        ("\U0001f436 \u2764\ufe0f", "in German", False),
        ("2026!", "in Japanese", False),
        ("", "no hashtags", False),
    ],
)
def test_one_instruction(caption: str, request_: str, held: bool) -> None:
    assert list(obeyed(caption, request_).values()) == [held]


def test_a_caption_too_short_to_tell_its_language_is_left_out() -> None:
    assert obeyed("Lisbon 2026 #sea", "in German, no emoji") == {"no_emoji": True}
    assert obeyed("\U0001f436 #Hund", "in German, no emoji") == {"no_emoji": False}


def test_of_several_instructions_of_a_kind_all_are_wanted() -> None:
    assert obeyed("Red and blue", "without the words red, green") == {"without_word": False}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The light over the harbour is all we need today", "English"),
        ("Das Licht über dem Hafen ist alles, was wir heute brauchen", "German"),
        ("La lumière sur le port, c'est tout ce qu'il nous faut", "French"),
        ("La luz del puerto es todo lo que necesitamos hoy", "Spanish"),
        ("La luce sul porto è tutto quello di cui abbiamo bisogno oggi", "Italian"),
        ("A luz do porto é tudo o que precisamos hoje", "Portuguese"),
        ("Het licht over de haven is alles wat we vandaag nodig hebben", "Dutch"),
    ],
)
def test_languages_by_their_function_words(text: str, language: str) -> None:
    for asked_for in ("English", "German", "French", "Spanish", "Italian", "Portuguese", "Dutch"):
        (held,) = obeyed(text, f"in {asked_for}").values()
        assert held is (asked_for == language), asked_for
