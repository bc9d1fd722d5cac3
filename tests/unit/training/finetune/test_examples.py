"""What the model is trained on is what the service will ask, and only the answer counts."""

import pytest
from transformers import PreTrainedTokenizerFast

from caption_studio.demo.corpus import LIVELY, adapter_example
from caption_studio.language.caption_cut import QuotedCaption
from caption_studio.language.tokens import text_tokens
from caption_studio.records import Controls, Description, Turn, Voice
from caption_studio.training.failures import Refused
from caption_studio.training.finetune.examples import (
    IGNORED,
    Example,
    encode,
    example_of,
    fitting,
    quoted,
)
from caption_studio.training.rows import Row
from caption_studio.voices.prompt import caption_prompt
from tests.unit.training.finetune.tiny import FALCON_DEMO

CAPTIONS = [
    "Fresh bread today!",
    "“Warm” bread 🥐 #bakery",
    '"Best in town," they say.',
    "… and crisp",
    "2 loaves, 3.50 €",
    "#bakery",
    "First line\nand a second",
    "<|endoftext|> is what ends a text",
]


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast.from_pretrained(FALCON_DEMO)


def row(caption: str, request: str = "", description: str = "a red kite over a beach") -> Row:
    return Row(description=description, caption=caption, request=request)


@pytest.mark.parametrize("request_", ["", "mention the word fresh, no hashtags"])
def test_the_prompt_is_the_one_that_the_service_makes(request_: str) -> None:
    turns = [Turn("user", request_)]
    served = caption_prompt(Voice("", ""), Description("a red kite"), turns, Controls())
    assert example_of(row("Up!", request_, "a red kite")).prompt == served


@pytest.mark.parametrize("caption", CAPTIONS)
@pytest.mark.parametrize("request_", ["", "short", 'say "hello"', "ends with a colon:"])
def test_labels_are_the_answers_tokens_alone(
    tokenizer: PreTrainedTokenizerFast, caption: str, request_: str
) -> None:
    example = example_of(row(caption, request_))
    (encoded,) = encode(tokenizer, [example])
    served = text_tokens(tokenizer, example.prompt)  # what vLLM is given
    assert encoded.input_ids[: encoded.prompt_tokens] == served
    answer = encoded.input_ids[len(served) :]
    assert encoded.labels == [IGNORED] * len(served) + answer
    assert answer[-1] == tokenizer.eos_token_id
    assert tokenizer.eos_token_id not in answer[:-1]
    assert tokenizer.decode(answer[:-1]) == example.answer


@pytest.mark.parametrize("caption", CAPTIONS)
def test_the_service_cuts_the_whole_caption_out_of_the_answer(caption: str) -> None:
    cut = QuotedCaption()
    said = cut.feed(quoted(caption)) + cut.end()
    assert cut.finished
    assert said.replace("“", '"').replace("”", '"') == caption.replace("“", '"').replace("”", '"')


def test_the_answer_has_the_form_of_the_demos() -> None:
    example = adapter_example(5, LIVELY)
    caption = example.answer[2:-1]
    assert quoted(caption) == example.answer


def test_double_quotes_inside_become_typographic() -> None:
    assert quoted('the "best" bread') == ' "the “best” bread"'


def test_quotes_around_the_whole_caption_are_left_out() -> None:
    assert quoted('"Fresh bread!"') == ' "Fresh bread!"'
    assert quoted('"Fresh" and "warm"') == ' "“Fresh” and “warm”"'


@pytest.mark.parametrize("caption", ["", "  ", '""', ' " " '])
def test_an_empty_caption_is_refused(caption: str) -> None:
    with pytest.raises(Refused, match="empty"):
        quoted(caption)


def test_what_is_too_long_is_left_out_and_not_cut(tokenizer: PreTrainedTokenizerFast) -> None:
    short, long = Example("a:", ' "b"'), Example("a:", f' "{"bread " * 50}"')
    encoded = encode(tokenizer, [short, long])
    assert fitting(encoded, 20) == encoded[:1]


def test_nothing_is_encoded_to_nothing(tokenizer: PreTrainedTokenizerFast) -> None:
    assert encode(tokenizer, []) == []
