"""Held against a loop over single rows, and against vLLM's own wrapper where that is right."""

import warnings

import pytest
import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # vLLM's imports warn
    from vllm.lora.layers import LoRAMapping
    from vllm.lora.punica_wrapper.punica_cpu import PunicaWrapperCPU

    from caption_studio.language.vllm_plugins.cpu_lora import GroupedPunicaWrapper, rows_by_slot

SLOTS = [7, 3, None, 9]
"""The adapters' numbers by slot; 0 stands for the base model's rows."""
RANK, INPUTS, OUTPUTS = 8, 24, (16, 4, 12)
MAX_TOKENS = 128

Weights = tuple[torch.Tensor, ...]

MIXES = {
    "base only": [0] * 6,
    "one adapter, one token": [7],
    "one adapter": [3] * 50,
    "one adapter after base rows": [0] * 5 + [9] * 9,
    "prefills of two adapters": [7] * 30 + [9] * 40,
    "the same adapter on both sides": [7] * 4 + [3] * 3 + [7] * 5,
    "decode of all kinds": [7, 0, 3, 9, 0, 7, 9, 3] * 8,
    "the last slot's adapter and base rows": [9, 0, 9, 0],
}


def wrapper_with(kind: type[PunicaWrapperCPU], numbers: list[int]) -> PunicaWrapperCPU:
    wrapper = kind(MAX_TOKENS, max_batches=MAX_TOKENS, device="cpu")
    update(wrapper, numbers)
    return wrapper


def update(wrapper: PunicaWrapperCPU, numbers: list[int]) -> None:
    mapping = LoRAMapping(tuple(numbers), tuple(numbers), is_prefill=True)
    wrapper.update_metadata(mapping, SLOTS, len(SLOTS) + 1, 100)


def weights(dtype: torch.dtype = torch.float32) -> tuple[Weights, Weights]:
    """One A and B for each slice; slot 1 has an adapter of half the rank, slot 2 none."""
    generator = torch.Generator().manual_seed(0)
    a = [torch.randn(len(SLOTS), 1, RANK, INPUTS, generator=generator) for _ in OUTPUTS]
    b = [torch.randn(len(SLOTS), 1, size, RANK, generator=generator) for size in OUTPUTS]
    for tensor_a, tensor_b in zip(a, b, strict=True):
        tensor_a[1, :, RANK // 2 :] = 0
        tensor_b[1, ..., RANK // 2 :] = 0
        tensor_a[2] = 0
        tensor_b[2] = 0
    return tuple(t.to(dtype) for t in a), tuple(t.to(dtype) for t in b)


def as_float(weights: Weights) -> Weights:
    return tuple(tensor.float() for tensor in weights)


def batch(tokens: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(tokens, INPUTS, generator=generator)
    return x, torch.randn(tokens, sum(OUTPUTS), generator=generator)


def row_by_row(
    y: torch.Tensor, x: torch.Tensor, a: Weights, b: Weights, scale: float, numbers: list[int]
) -> torch.Tensor:
    y = y.clone()
    for row, number in enumerate(numbers):
        if number:
            slot = SLOTS.index(number)
            delta = [b_s[slot, 0] @ (a_s[slot, 0] @ x[row]) for a_s, b_s in zip(a, b, strict=True)]
            y[row] += scale * torch.cat(delta)
    return y


@pytest.mark.parametrize("scale", [1.0, 0.25])
@pytest.mark.parametrize("numbers", MIXES.values(), ids=MIXES)
def test_each_row_gets_its_own_adapter_and_base_rows_none(numbers: list[int], scale: float) -> None:
    (a, b), (x, y) = weights(), batch(len(numbers))
    expected = row_by_row(y, x, a, b, scale, numbers)
    wrapper_with(GroupedPunicaWrapper, numbers).add_lora_linear(y, x, a, b, scale, OUTPUTS)
    torch.testing.assert_close(y, expected)


@pytest.mark.parametrize("numbers", MIXES.values(), ids=MIXES)
def test_rows_with_an_adapter_are_as_vllm_computes_them(numbers: list[int]) -> None:
    (a, b), (x, y) = weights(), batch(len(numbers))
    theirs = y.clone()
    wrapper_with(PunicaWrapperCPU, numbers).add_lora_linear(theirs, x, a, b, 1.0, OUTPUTS)
    wrapper_with(GroupedPunicaWrapper, numbers).add_lora_linear(y, x, a, b, 1.0, OUTPUTS)
    adapted = torch.tensor(numbers) > 0
    torch.testing.assert_close(y[adapted], theirs[adapted])


def test_base_rows_are_untouched_to_the_bit() -> None:
    numbers = MIXES["decode of all kinds"]
    (a, b), (x, y) = weights(), batch(len(numbers))
    before = y.clone()
    wrapper_with(GroupedPunicaWrapper, numbers).add_lora_linear(y, x, a, b, 1.0, OUTPUTS)
    base = torch.tensor(numbers) == 0
    assert torch.equal(y[base], before[base])


def test_half_precision_stays_within_its_rounding() -> None:
    numbers = MIXES["prefills of two adapters"]
    a, b = weights(torch.bfloat16)
    x, y = (tensor.bfloat16() for tensor in batch(len(numbers)))
    exact = row_by_row(y.float(), x.float(), *map(as_float, (a, b)), 1.0, numbers)
    wrapper_with(GroupedPunicaWrapper, numbers).add_lora_linear(y, x, a, b, 1.0, OUTPUTS)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), exact, rtol=0.016, atol=0.2)


def test_the_next_step_has_its_own_rows() -> None:
    (a, b), (x, y) = weights(), batch(4)
    wrapper = wrapper_with(GroupedPunicaWrapper, [7, 7, 0, 0])
    wrapper.add_lora_linear(y.clone(), x, a, b, 1.0, OUTPUTS)
    update(wrapper, [0, 3, 9, 0])
    expected = row_by_row(y, x, a, b, 1.0, [0, 3, 9, 0])
    wrapper.add_lora_linear(y, x, a, b, 1.0, OUTPUTS)
    torch.testing.assert_close(y, expected)


def test_weights_put_into_an_empty_slot_are_seen() -> None:
    (a, b), (x, y) = weights(), batch(4)
    for tensor in b:
        tensor[3] = 0
    wrapper = wrapper_with(GroupedPunicaWrapper, [9] * 4)
    unchanged = y.clone()
    wrapper.add_lora_linear(unchanged, x, a, b, 1.0, OUTPUTS)
    assert torch.equal(unchanged, y)
    for tensor in b:
        tensor[3, 0, :, :RANK].copy_(torch.ones_like(tensor[3, 0]))
    expected = row_by_row(y, x, a, b, 1.0, [9] * 4)
    wrapper.add_lora_linear(y, x, a, b, 1.0, OUTPUTS)
    torch.testing.assert_close(y, expected)


def test_a_layer_has_weights_from_the_first_to_the_last_adapter_that_has_some() -> None:
    wrapper = wrapper_with(GroupedPunicaWrapper, [7])
    a = tuple(torch.zeros(len(SLOTS), 1, RANK, INPUTS) for _ in OUTPUTS)
    b = tuple(torch.zeros(len(SLOTS), 1, size, RANK) for size in OUTPUTS)
    assert not wrapper.has_weights(a, b)
    b[1][3] = 0.5
    assert wrapper.has_weights(a, b)
    b[1][3] = 0
    assert not wrapper.has_weights(a, b)


def test_rows_that_lie_together_are_a_slice_and_base_rows_no_group() -> None:
    assert rows_by_slot(torch.tensor([-1, -1])) == ()
    assert rows_by_slot(torch.tensor([2, 2, -1, 0])) == ((0, slice(3, 4)), (2, slice(0, 2)))
