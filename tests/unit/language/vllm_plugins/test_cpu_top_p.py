"""Held against vLLM's own top-p, which sorts the whole vocabulary."""

import warnings

import pytest
import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # vLLM's imports warn
    from vllm import SamplingParams
    from vllm.v1.sample.logits_processor import BatchUpdate, MoveDirectionality
    from vllm.v1.sample.ops.topk_topp_sampler import apply_top_k_top_p_pytorch

    from caption_studio.language.vllm_plugins.cpu_top_p import (
        TOP_P,
        TopPWithoutSorting,
        keep_nucleus,
    )

VOCABULARY = 700


def random_logits(rows: int, scale: float, vocabulary: int = VOCABULARY) -> torch.Tensor:
    return torch.randn(rows, vocabulary, generator=torch.Generator().manual_seed(3)) * scale


def kept(logits: torch.Tensor) -> list[int]:
    return [int(row.isfinite().sum()) for row in logits]


def processor() -> TopPWithoutSorting:
    return TopPWithoutSorting(None, torch.device("cpu"), False)


def update(size: int, **changes: list[tuple[object, ...] | int]) -> BatchUpdate:
    return BatchUpdate(size, **{"removed": [], "added": [], "moved": [], **changes})


def joining(row: int, top_p: float | None) -> tuple[int, SamplingParams, list[int], list[int]]:
    extra = None if top_p is None else {TOP_P: top_p}
    return (row, SamplingParams(extra_args=extra), [], [])


@pytest.mark.parametrize("scale", [0.5, 2.0, 5.0, 30.0])
@pytest.mark.parametrize("top_p", [0.01, 0.3, 0.7, 0.95, 0.999])
def test_the_same_tokens_are_kept_as_by_vllm(scale: float, top_p: float) -> None:
    logits, limits = random_logits(40, scale), torch.full((40,), top_p)
    expected = apply_top_k_top_p_pytorch(logits.clone(), None, limits)
    assert torch.equal(keep_nucleus(logits, limits), expected)


def test_each_row_has_its_own_limit_and_some_need_the_whole_vocabulary() -> None:
    logits, limits = random_logits(30, 2.0), torch.linspace(0.05, 0.99, 30)
    expected = apply_top_k_top_p_pytorch(logits.clone(), None, limits)
    assert min(kept(expected)) < 24 < max(kept(expected))
    assert torch.equal(keep_nucleus(logits, limits), expected)


def test_a_vocabulary_smaller_than_what_is_looked_at() -> None:
    logits, limits = random_logits(5, 1.0, vocabulary=9), torch.full((5,), 0.8)
    expected = apply_top_k_top_p_pytorch(logits.clone(), None, limits)
    assert torch.equal(keep_nucleus(logits, limits), expected)


def test_the_likeliest_token_stays_whatever_the_limit() -> None:
    logits = random_logits(4, 1.0)
    likeliest = logits.argmax(dim=1)
    after = keep_nucleus(logits, torch.full((4,), 1e-6))
    assert kept(after) == [1] * 4
    assert torch.equal(after.argmax(dim=1), likeliest)


def test_rows_that_ask_for_nothing_are_left_alone() -> None:
    applied = processor()
    applied.update_state(update(3, added=[joining(0, None), joining(1, 0.5), joining(2, None)]))
    logits = random_logits(3, 1.0)
    after = applied.apply(logits.clone())
    assert torch.equal(after[[0, 2]], logits[[0, 2]])
    assert torch.equal(after[1:2], keep_nucleus(logits[1:2], torch.tensor([0.5])))


def test_limits_follow_their_requests_through_the_batch() -> None:
    applied = processor()
    applied.update_state(update(3, added=[joining(0, 0.05), joining(1, None), joining(2, 0.85)]))
    swap = (0, 1, MoveDirectionality.SWAP)
    applied.update_state(update(3, moved=[swap]))
    assert row_limits(applied, 3) == [None, 0.05, 0.85]
    down = (2, 0, MoveDirectionality.UNIDIRECTIONAL)
    applied.update_state(update(2, removed=[0], moved=[down]))
    assert row_limits(applied, 2) == [0.85, 0.05]
    applied.update_state(None)
    applied.update_state(update(1, removed=[1]))
    assert row_limits(applied, 1) == [0.85]
    applied.update_state(update(1, added=[joining(0, None)]))
    assert row_limits(applied, 1) == [None]


def row_limits(applied: TopPWithoutSorting, rows: int) -> list[float | None]:
    """Tell each row's limit by what it keeps of ten tokens that are equally likely."""
    limit_of = {10: None, 9: 0.85, 1: 0.05}
    return [limit_of[count] for count in kept(applied.apply(torch.zeros(rows, 10)))]


def test_it_leaves_greedy_answers_as_they_are() -> None:
    assert processor().is_argmax_invariant()
