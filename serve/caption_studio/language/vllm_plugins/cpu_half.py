"""Matrix products with half-precision weights, on x86 CPUs without AVX-512.

vLLM leaves all matrix products to oneDNN (vllm/model_executor/layers/utils.py,
`dispatch_cpu_unquantized_gemm`, 0.32.0). Below AVX-512 oneDNN has only its reference code for
bfloat16 and float16, and no caption of Falcon-7B came before its deadline. Here one row goes
through PyTorch, which reads the weights once; several rows are multiplied in float32, a block of
the weights at a time.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from vllm.model_executor.layers import utils

HALVES = (torch.bfloat16, torch.float16)
FEW_ROWS = 3
"""Up to here PyTorch's own product is as fast: it takes one row after the other."""

BLOCK_ROWS = 1024
"""Rows of the weights that are float32 at a time: 18 MB for Falcon-7B, 74 MB for its widest."""


def linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """Return x·weightᵀ + bias in the type of `x`, with sums in float32.

    `x`: [..., inputs], `weight`: [outputs, inputs], both bfloat16 or float16; `bias`: [outputs].
    """
    rows = x.reshape(-1, x.shape[-1])
    if len(rows) <= FEW_ROWS:
        return torch.nn.functional.linear(x, weight, bias)
    wide = rows.float()
    product = torch.empty((len(rows), len(weight)), dtype=x.dtype)
    for start in range(0, len(weight), BLOCK_ROWS):
        end = start + BLOCK_ROWS
        block = wide @ weight[start:end].float().t()
        product[:, start:end] = block if bias is None else block + bias[start:end]
    return product.reshape(*x.shape[:-1], len(weight))


@contextmanager
def products_of_our_own() -> Iterator[None]:
    """Let models that are loaded meanwhile use `linear` where this processor needs it."""
    if not _is_needed():
        yield
        return
    vllms = utils.dispatch_cpu_unquantized_gemm
    utils.dispatch_cpu_unquantized_gemm = _choosing(vllms)
    try:
        yield
    finally:
        utils.dispatch_cpu_unquantized_gemm = vllms


def _choosing(otherwise: Callable[[Any, bool], None]) -> Callable[..., None]:
    def dispatch(layer: Any, remove_weight: bool) -> None:
        weight = layer.weight
        if weight.is_meta or weight.ndim != 2 or weight.dtype not in HALVES:
            otherwise(layer, remove_weight)
        else:
            layer.cpu_linear = linear

    return dispatch


def _is_needed() -> bool:
    has = torch.cpu.get_capabilities()
    return bool(has.get("avx2")) and not has.get("avx512_f")
