from typing import Any

import pytest

from caption_studio.language.answer import Choices
from caption_studio.records import AnswerForm, FinishReason, Prompt, Sampling, TokenLogprob


def choices_of(
    answer: AnswerForm, prompt_tokens: int = 1, stop: tuple[str, ...] = (), **sampling: Any
) -> Choices:
    drawn = Sampling(None, 1.0, 1.0, **sampling)
    return Choices(Prompt("r", "m", "", drawn, answer, stop), prompt_tokens=prompt_tokens)


def said(choices: Choices, pieces: list[str], end: FinishReason = "length") -> tuple[str, str]:
    """Feed the pieces, a token each; return the first choice's text and why it ended."""
    text, reason = "", "none"
    for number, piece in enumerate(pieces):
        choices.feed(0, piece, 1, end if number == len(pieces) - 1 else None)
        for delta in choices.flush():
            text, reason = text + delta.text, delta.finish_reason or reason
        if choices.finished:
            break
    return text, reason


def test_a_choice_ends_at_the_closing_quote_and_counts_tokens_up_to_there() -> None:
    choices = choices_of("quoted", 5, n=1)
    choices.feed(0, ' "Sea', 2, None)
    (first,) = choices.flush()
    assert (first.text, first.completion_tokens, first.finish_reason) == ("Sea", 2, None)
    choices.feed(0, ' you" and', 3, None)
    assert choices.finished
    (last,) = choices.flush()
    assert (last.text, last.completion_tokens, last.finish_reason) == (" you", 3, "stop")
    choices.feed(0, " more", 1, "length")
    assert choices.flush() == ()


def test_tokens_that_gave_no_text_yet_are_counted_with_the_next_delta() -> None:
    choices = choices_of("verbatim", 5, n=1)
    choices.feed(0, "", 2, None)
    assert choices.flush() == ()
    choices.feed(0, "é", 1, "length")
    (delta,) = choices.flush()
    assert (delta.completion_tokens, delta.prompt_tokens) == (3, 5)


def test_choices_run_and_finish_apart() -> None:
    choices = choices_of("quoted", 1, n=2)
    choices.feed(1, ' "b"', 1, None)
    choices.feed(0, ' "a', 1, None)
    assert not choices.finished
    assert [(d.index, d.text, d.finish_reason) for d in choices.flush()] == [
        (0, "a", None),
        (1, "b", "stop"),
    ]
    choices.feed(0, "", 1, "length")
    assert choices.finished
    assert [(d.index, d.finish_reason) for d in choices.flush()] == [(0, "length")]


def logprobs(*tokens: str) -> list[TokenLogprob]:
    return [TokenLogprob(token.encode(), -0.5) for token in tokens]


def test_log_probabilities_are_those_of_the_captions_own_tokens() -> None:
    choices = choices_of("quoted", 1, n=1)
    choices.feed(0, ' "Sea', 2, None, logprobs(' "', "Sea"))
    (first,) = choices.flush()
    choices.feed(0, ' you" and', 3, None, logprobs(" you", '"', " and"))
    (last,) = choices.flush()
    assert [t.text for t in first.logprobs] == ["Sea"]
    assert [t.text for t in last.logprobs] == [" you"]


def test_a_token_that_is_partly_in_the_caption_belongs_to_it() -> None:
    choices = choices_of("quoted", 1, n=1)
    choices.feed(0, ' "Sea you!" x', 3, None, logprobs(' "S', "ea you", '!" x'))
    (delta,) = choices.flush()
    assert [t.text for t in delta.logprobs] == [' "S', "ea you", '!" x']


def test_tokens_of_one_character_come_with_its_text() -> None:
    wave = "🌊".encode()
    choices = choices_of("verbatim", 1, n=1)
    choices.feed(0, "", 1, None, [TokenLogprob(wave[:2], -1)])
    choices.feed(0, "🌊", 1, "stop", [TokenLogprob(wave[2:], -2)])
    (delta,) = choices.flush()
    assert [t.data for t in delta.logprobs] == [wave[:2], wave[2:]]
    assert delta.logprobs[0].text == "\ufffd"


CAPTION = [' "', "Blue", " and", ' red!"', " More"]


@pytest.mark.parametrize(
    ("stop", "caption"),
    [
        ((" ",), "Blue"),
        (('"',), "Blue and red!"),
        (("e and r",), "Blu"),
        (("and", "Blue"), ""),
        (("!", "?"), "Blue and red"),
        (("nowhere",), "Blue and red!"),
        (("red!x",), "Blue and red!"),
    ],
)
def test_stop_words_are_about_the_caption_that_the_caller_gets(
    stop: tuple[str, ...], caption: str
) -> None:
    for size in (1, 2, 3, 7, 100):  # however the text is cut into pieces
        whole = "".join(CAPTION)
        pieces = [whole[i : i + size] for i in range(0, len(whole), size)]
        drawn = Sampling(None, 1.0, 1.0, stop=stop)
        choices = Choices(Prompt("r", "m", "", drawn, "quoted"), prompt_tokens=1)
        assert said(choices, pieces) == (caption, "stop")


def test_a_stop_word_ends_one_choice_alone() -> None:
    drawn = Sampling(None, 1.0, 1.0, n=2, stop=("stop",))
    choices = Choices(Prompt("r", "m", "", drawn, "verbatim"), prompt_tokens=1)
    choices.feed(0, "go st", 1, None)
    choices.feed(1, "go on", 1, None)
    assert [delta.text for delta in choices.flush()] == ["go ", "go on"]
    choices.feed(0, "op and on", 1, None)
    (ended,) = choices.flush()
    assert (ended.index, ended.text, ended.finish_reason) == (0, "", "stop")
    assert not choices.finished


def test_what_might_have_been_a_stop_word_is_said_at_the_end() -> None:
    drawn = Sampling(None, 1.0, 1.0, stop=("stop",))
    choices = Choices(Prompt("r", "m", "", drawn, "verbatim"), prompt_tokens=1)
    assert said(choices, ["go sto"], "length") == ("go sto", "length")


def test_a_reply_does_not_begin_with_white_space() -> None:
    assert said(choices_of("trimmed"), [" ", "\n", " Hi", " you "]) == ("Hi you ", "length")
    assert said(choices_of("verbatim"), [" ", " Hi"]) == ("  Hi", "length")


def test_a_caption_without_quotes_ends_where_the_next_record_begins() -> None:
    stop = ("\nDescription:", "\nConvert the given")
    pieces = [" A red", " kite.\nSo hi", "gh.\nConv", "ert the given image"]
    assert said(choices_of("quoted", stop=stop), pieces) == (" A red kite.\nSo high."[1:], "stop")
    quoted = [' "A', "\nDescription: b", '" and']
    assert said(choices_of("quoted", stop=stop), quoted) == ("A\nDescription: b", "stop")


def test_a_quote_ends_no_caption_before_its_least_number_of_tokens() -> None:
    pieces = [' "', "A", '" "', "B", '"', "C"]
    assert said(choices_of("quoted", min_tokens=4), pieces) == ('A" "B', "stop")


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("include", "text"), [(False, "Blue"), (True, "Blue and")], ids=["without", "with"]
)
def test_the_stop_word_that_is_complete_first_ends_the_text_however_it_is_cut(
    size: int, include: bool, text: str
) -> None:
    whole = ' "Blue and red!"'
    pieces = [whole[i : i + size] for i in range(0, len(whole), size)]
    sampling: dict[str, Any] = {"stop": ("e and red", " and"), "include_stop": include}
    prompt = Prompt("r", "m", "", Sampling(None, 1.0, 1.0, **sampling), "quoted")
    choices = Choices(prompt, prompt_tokens=1)
    assert said(choices, pieces) == (text, "stop")


def test_no_stop_word_ends_an_answer_before_its_least_number_of_tokens() -> None:
    prompt = Prompt("r", "m", "", Sampling(None, 1.0, 1.0, stop=("x",), min_tokens=3), "verbatim")
    choices = Choices(prompt, prompt_tokens=1)
    assert said(choices, ["ax", "bx", "c", "dx", "e"]) == ("axbxcd", "stop")


def test_a_caption_without_quotes_does_not_end_with_blank_lines() -> None:
    pieces = [" A kite.\n", "So high.", " \n", "\nDescription:", " more"]
    stop = ("\nDescription:",)
    assert said(choices_of("quoted", stop=stop), pieces) == ("A kite.\nSo high.", "stop")
    assert said(choices_of("quoted", stop=stop), pieces[:3]) == ("A kite.\nSo high.", "length")


def test_tokens_know_their_place_in_the_caption() -> None:
    choices = choices_of("quoted", n=1)
    wave = "🌊".encode()
    tokens = [b' "S', b"ea ", wave[:2], wave[2:], b"!", b'" x']
    choices.feed(0, ' "Sea ', 2, None, [TokenLogprob(data, -1) for data in tokens[:2]])
    (first,) = choices.flush()
    choices.feed(0, '🌊!" x', 4, None, [TokenLogprob(data, -1) for data in tokens[2:]])
    (last,) = choices.flush()
    assert [token.text_offset for token in (*first.logprobs, *last.logprobs)] == [0, 1, 4, 4, 5]
