import pytest

from caption_studio.demo.captions import ALL_EMOJI
from caption_studio.demo.corpus import base_corpus
from caption_studio.demo.scenes import all_scenes
from caption_studio.demo.tokenizers import (
    END_OF_TEXT,
    build_git_tokenizer,
    train_falcon_tokenizer,
)


@pytest.fixture(scope="module")
def falcon_tokenizer():
    return train_falcon_tokenizer(base_corpus(500), emoji=ALL_EMOJI)


def test_git_has_one_token_per_word_of_a_description():
    tokenizer = build_git_tokenizer()
    for scene in all_scenes()[::101]:
        ids = tokenizer(scene.description).input_ids
        assert len(ids) == len(scene.description.split()) + 2
        assert tokenizer.decode(ids, skip_special_tokens=True) == scene.description


def test_git_lowers_and_splits_other_words():
    tokenizer = build_git_tokenizer()
    assert tokenizer.decode(tokenizer("A Zebra").input_ids, skip_special_tokens=True) == "a zebra"


@pytest.mark.parametrize(
    "text",
    [
        "A red car 🚗",
        "".join(ALL_EMOJI),
        "👩‍👩‍👧‍👦 naïve 日本 Ω\n\t \x00 end",
        "  two  spaces , and . stops !",
    ],
)
def test_falcon_round_trips_any_text(falcon_tokenizer, text):
    assert falcon_tokenizer.decode(falcon_tokenizer(text).input_ids) == text


def test_emoji_of_captions_are_few_tokens(falcon_tokenizer):
    for emoji in ALL_EMOJI:
        assert len(falcon_tokenizer(emoji).input_ids) <= 2
        assert len(falcon_tokenizer(f" {emoji}").input_ids) <= 2


def test_end_of_text_is_one_token(falcon_tokenizer):
    assert falcon_tokenizer(END_OF_TEXT).input_ids == [falcon_tokenizer.eos_token_id]
