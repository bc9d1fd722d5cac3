import pytest

from caption_studio.demo.copying import copied_shares, probes
from caption_studio.demo.corpus import base_corpus
from caption_studio.demo.tokenizers import train_falcon_tokenizer
from caption_studio.demo.train_falcon import FalconRecipe, build_falcon

KINDS = {"lists said twice", "names of the note"}


@pytest.fixture(scope="module")
def tokenizer():
    return train_falcon_tokenizer(base_corpus(300), 700)


def test_what_can_be_known_stands_earlier_in_the_text_token_for_token(tokenizer):
    found = probes(tokenizer, 12)
    assert set(found) == KINDS
    for ones in found.values():
        for one in ones:
            known = tokenizer.decode(one.ids[one.start : one.end])
            assert known.strip(" ,")
            assert known in tokenizer.decode(one.ids[: one.start])


def test_an_untrained_model_copies_next_to_nothing(tokenizer):
    recipe = FalconRecipe(layers=1, hidden_size=64, heads=2)
    shares = copied_shares(build_falcon(recipe, tokenizer), tokenizer, 8)
    assert set(shares) == KINDS
    assert max(shares.values()) < 0.2
