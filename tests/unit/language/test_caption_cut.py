import pytest

from caption_studio.language.caption_cut import QuotedCaption, Trimmed, Verbatim


def cut(*pieces: str) -> tuple[str, bool]:
    cutter = QuotedCaption()
    caption = "".join(cutter.feed(piece) for piece in pieces) + cutter.end()
    return caption, cutter.finished


@pytest.mark.parametrize(
    ("pieces", "caption"),
    [
        ((' "Sea you soon!" and so on "more"',), "Sea you soon!"),
        ((" ", '"', "Sea", " you", '"', " on"), "Sea you"),
        (('Sure: "Sea you" on',), "Sea you"),
        (('\n"Sea you"',), "Sea you"),
        (('""',), ""),
    ],
)
def test_the_caption_stands_between_the_first_pair_of_quotes(
    pieces: tuple[str, ...], caption: str
) -> None:
    assert cut(*pieces) == (caption, True)


def test_every_split_of_the_text_gives_the_same_caption() -> None:
    text = ' " Golden hour 🌅 #sea" Description: more "x"'
    for first in range(len(text)):
        for second in range(first, len(text)):
            assert cut(text[:first], text[first:second], text[second:])[0] == "Golden hour 🌅 #sea"


def test_an_answer_cut_short_keeps_what_was_written() -> None:
    assert cut(' "Sea you so') == ("Sea you so", False)


def test_a_model_that_opens_no_quote_on_its_first_line_is_taken_at_its_word() -> None:
    assert cut(' The sea.\nShe said "hi".') == ('The sea.\nShe said "hi".', False)
    assert cut(" The sea. ") == ("The sea.", False)


def test_verbatim_passes_everything_on() -> None:
    cutter = Verbatim()
    assert cutter.feed(' "a" ') + cutter.end() == ' "a" '
    assert not cutter.finished


def test_trimmed_drops_leading_white_space_and_counts_its_bytes() -> None:
    cutter = Trimmed()
    assert [cutter.feed(" é"), cutter.feed(" b")] == ["é", " b"]
    assert cutter.skipped_bytes == 1
