"""A caption names a fact in any form that a reader would take for it."""

import pytest

from caption_studio.training.evaluation.measures.facts import named

SAILBOATS = {"subject": "sailboat", "number": "two", "colour": "red"}
CAT = {"subject": "cat", "number": "one", "colour": "black"}


def held(caption: str, facts: dict[str, str]) -> str:
    """The first letters of the facts that are named."""
    return "".join(name[0] for name, value in named(caption, facts).items() if value)


@pytest.mark.parametrize(
    ("caption", "facts"),
    [
        ("Two red sailboats at sunset! ⛵ #sea", "snc"),
        ("2 bright red sailboats", "snc"),
        ("A pair of red sailboats", "snc"),
        ("Just two big, red sailboats.", "snc"),
        ("Two sailboats, painted red.", "snc"),
        ("Three red sailboats and two ducks", "sc"),
        ("A red sailboat and two blue ducks", "sc"),
        ("A red bus beside a sailboat", "s"),
        ("Sailing! #two #red #sailboats", ""),
        ("Two red ducks", ""),
        ("", ""),
    ],
)
def test_two_red_sailboats(caption: str, facts: str) -> None:
    assert held(caption, SAILBOATS) == facts


@pytest.mark.parametrize(
    ("caption", "facts"),
    [
        ("A black kitten naps", "snc"),
        ("Black cat at night", "snc"),
        ("The cat is black", "snc"),
        ("Two friends saw a black cat", "snc"),
        ("Two black cats", "sc"),
        ("One of the black cats", "sc"),
        ("This category is black", ""),
    ],
)
def test_one_black_cat(caption: str, facts: str) -> None:
    assert held(caption, CAT) == facts


@pytest.mark.parametrize(
    ("subject", "number", "caption"),
    [
        ("croissant", "12", "Twelve croissants, still warm"),
        ("croissants", "three", "Three croissants"),
        ("croissants", "1", "One croissant left"),
        ("bus", "1", "A bus in the rain"),
        ("buses", "3", "Three buses"),
        ("goose", "several", "Geese on the lake"),
        ("goose", "many", "A flock of geese"),
        ("sheep", "one", "A sheep in the fog"),
        ("hot-air balloon", "4", "Four hot air balloons!"),
        ("cherry", "five", "Five cherries"),
    ],
)
def test_numbers_and_plurals(subject: str, number: str, caption: str) -> None:
    assert held(caption, {"subject": subject, "number": number}) == "sn"


def test_a_sheep_without_a_word_for_its_number_may_be_many() -> None:
    assert held("Sheep in the fog", {"subject": "sheep", "number": "one"}) == "s"


def test_facts_without_a_subject_may_be_named_anywhere() -> None:
    assert held("Two of us, in violet", {"number": "2", "colour": "purple"}) == "nc"
    assert named("Two of us", {}) == {}


def test_all_of_several_colours_are_wanted() -> None:
    facts = {"subject": "cow", "colour": "black and white"}
    assert held("A white and black cow", facts) == "sc"
    assert held("A black cow", facts) == "s"
