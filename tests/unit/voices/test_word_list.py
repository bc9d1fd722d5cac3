"""Offensive words and their disguises."""

import random
from pathlib import Path

import pytest

from caption_studio.voices.guards.word_list import (
    DEFAULT_LIST,
    WordList,
    flagged,
    load,
    word_list,
)

MILD = word_list(["darn", "heck", "boob", "kill", "Ärsch"])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("What the heck", "heck"),
        ("HECK!", "heck"),
        ("hecks and darns", "heck darn"),
        ("h3ck", "heck"),
        ("d@rn it", "darn"),
        ("daaarrrn", "darn"),
        ("d.a.r.n", "darn"),
        ("so d a r n cold", "darn"),
        ("d - a - r - n", "darn"),
        ("da-rn", "darn"),
        ("dárn d\u00adarn", "darn"),
        ("k1ll k!ll", "kill"),
        ("#heck @darn", "heck darn"),
        ("arsch", "arsch"),
        ("b00bs", "boob"),
        ("\uff28\uff25\uff23\uff2b", "heck"),
    ],
)
def test_a_disguise_is_seen_through(text: str, found: str) -> None:
    assert list(flagged(text, [MILD])) == found.split()


@pytest.mark.parametrize(
    "text",
    [
        "Check the hecklers",
        "darning socks",
        "Boba",
        "bob",
        "kil",
        "skill",
        "3 4 5",
        "U.S.A.",
        "",
        "🔥",
    ],
)
def test_only_whole_words_count(text: str) -> None:
    assert flagged(text, [MILD]) == ()


def test_towns_and_surnames_are_safe_from_the_default_list() -> None:
    words = load(DEFAULT_LIST)
    for text in (
        "Scunthorpe",
        "Penistone",
        "Dickens",
        "Shiitake",
        "A55 road",
        "cocktails",
        "Basset",
    ):
        assert flagged(text, [words]) == ()
    assert flagged("sh1t", [words]) == ("shit",)


def test_several_lists_count() -> None:
    assert flagged("a b heck", [MILD, word_list(["zut"])]) == ("heck",)
    assert flagged("zut, heck", [MILD, word_list(["zut"])]) == ("zut", "heck")
    assert flagged("zut", []) == ()


def test_a_file_has_a_word_a_line(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_text("# comment\n\nheck\n  Darn \n", encoding="utf-8")
    assert flagged("darn heck", [load(path)]) == ("darn", "heck")
    path.write_text("two words\n", encoding="utf-8")
    with pytest.raises(ValueError, match="two words"):
        load(path)


@pytest.mark.parametrize("piece", ["a ", "heck.", "1", "h1!|", "d a r n ", "aaab", "#"])
def test_a_long_text_is_searched_as_well(piece: str) -> None:
    """A step whose work grows with the square of the length would take minutes here."""
    flagged(piece * (20_000 // len(piece)), [MILD])


@pytest.mark.parametrize("seed", range(40))
def test_the_quick_look_misses_nothing(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(seed)
    pieces = [
        "heck",
        "DARN",
        "k1ll",
        "b00b",
        "\u00c4rsch",
        "d.a.r.n",
        "a",
        "l",
        "1",
        " ",
        "-",
        "s",
        "\u00e9",
        "\ufe0f",
    ]
    texts = ["".join(rng.choices(pieces, k=rng.randint(1, 6))) for _ in range(50)]
    quick = [flagged(text, [MILD]) for text in texts]
    monkeypatch.setattr(WordList, "may_be_in", lambda *_: True)
    assert quick == [flagged(text, [MILD]) for text in texts]
