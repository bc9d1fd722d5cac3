"""Documents in batches, as the base model's training reads them."""

from itertools import islice

import numpy as np
import torch

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


def one_round(tokens: Tokens, batch_tokens: int = BATCH_TOKENS):
    """The batches in which each document comes once."""
    batches = whole_documents(tokens, batch_tokens, seed=1)
    wanted = sum(length <= batch_tokens for length in LENGTHS)
    taken = []
    while sum(len(ids) for ids, _ in taken) < wanted:
        taken.append(next(batches))
    return taken


def test_each_document_is_whole_in_its_own_row_and_comes_once():
    firsts = []
    for ids, labels in rows(one_round(documents())):
        number = ids[0] // 10
        length = LENGTHS[number]
        assert ids[:length] == (*range(number * 10, number * 10 + length - 1), END)
        assert labels[:length] == (NOT_LEARNT, *ids[1:length])
        assert set(labels[length:]) <= {NOT_LEARNT}
        firsts.append(number)
    assert sorted(firsts) == list(range(len(LENGTHS)))


def test_no_batch_holds_more_tokens_than_asked_and_a_longer_document_is_left_out():
    batches = one_round(documents(), 8)
    assert all(ids.numel() <= 8 for ids, _ in batches)
    assert {ids[0] // 10 for ids, _ in rows(batches)} == set(range(10)) - {1}


def test_the_order_is_drawn_anew_and_is_the_same_for_a_seed():
    tokens = documents()
    many = [rows(islice(whole_documents(tokens, BATCH_TOKENS, seed), 20)) for seed in (1, 1, 2)]
    assert many[0] == many[1] != many[2]
    half = len(many[0]) // 2
    assert many[0][:half] != many[0][half : 2 * half]
    assert isinstance(next(whole_documents(tokens, BATCH_TOKENS, 1))[0], torch.Tensor)
