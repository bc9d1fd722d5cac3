"""Documents in batches, as the base model's training reads them."""

import numpy as np
import pytest

from caption_studio.demo import packed
from caption_studio.demo.packed import NOT_LEARNT, Tokens, whole_documents

LENGTHS = (3, 9, 4, 3, 8, 5, 2, 6, 7, 4)
END = 99
BATCH_TOKENS = 16


def documents() -> Tokens:
    """Ten documents whose tokens are ten times their number and more; the first is not learnt."""
    ids, labels, ends = [], [], []
    for number, length in enumerate(LENGTHS):
        document = [number * 10 + at for at in range(length - 1)] + [END]
        ids += document
        labels += [NOT_LEARNT, *document[1:]]
        ends.append(len(ids))
    return Tokens(np.array(ids), np.array(labels), tuple(ends))


def rows(batches) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    return [
        (tuple(row.tolist()), tuple(labels.tolist()))
        for ids, batch_labels in batches
        for row, labels in zip(ids, batch_labels, strict=True)
    ]


def one_pass(batches, documents: int = len(LENGTHS)):
    """The next batches that hold so many documents."""
    taken = []
    while sum(len(ids) for ids, _ in taken) < documents:
        taken.append(next(batches))
    return taken


@pytest.mark.parametrize("sorted_together", [4, 1_024])
def test_each_document_is_whole_in_its_own_row_and_comes_once(monkeypatch, sorted_together):
    monkeypatch.setattr(packed, "_SORTED_TOGETHER", sorted_together)
    firsts = []
    for ids, labels in rows(one_pass(whole_documents(documents(), BATCH_TOKENS, 1))):
        number = ids[0] // 10
        length = LENGTHS[number]
        assert ids[:length] == (*range(number * 10, number * 10 + length - 1), END)
        assert labels[:length] == (NOT_LEARNT, *ids[1:length])
        assert set(labels[length:]) <= {NOT_LEARNT}
        firsts.append(number)
    assert sorted(firsts) == list(range(len(LENGTHS)))


def test_no_batch_holds_more_tokens_than_asked_and_a_longer_document_is_left_out():
    batches = one_pass(whole_documents(documents(), 8, 1), len(LENGTHS) - 1)
    assert all(ids.numel() <= 8 for ids, _ in batches)
    assert {ids[0] // 10 for ids, _ in rows(batches)} == set(range(10)) - {1}


def test_documents_that_are_all_too_long_are_refused():
    with pytest.raises(ValueError, match="no document has 1 tokens or fewer"):
        next(whole_documents(documents(), 1, 1))


def test_the_order_is_drawn_anew_and_is_the_same_for_a_seed():
    passes = []
    for seed in (1, 1, 2):
        batches = whole_documents(documents(), BATCH_TOKENS, seed)
        passes.append([rows(one_pass(batches)) for _ in range(2)])
    assert passes[0] == passes[1] != passes[2]
    assert passes[0][0] != passes[0][1]
