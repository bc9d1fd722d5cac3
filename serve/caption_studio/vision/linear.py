"""A linear layer: the products of GIT's image prefix, by the faster of two libraries on a CPU.

PyTorch leaves float32 products on a CPU to MKL, which uses half of the vector width on processors
that are not Intel's. oneDNN uses all of it (AVX-512 on an EPYC: 240 GFLOP/s on a core instead of
110 for 520 rows). Source of the operator: what TorchInductor makes of a linear layer
(torch/_inductor/mkldnn_ir.py, 2.11). Called directly, it accepts plain weights.

Not for the decode steps: they have any number of rows, and oneDNN compiles and keeps a program for
each (64 numbers of rows: 150 MB).
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

MIN_ROWS = 16
"""From here on oneDNN is faster; a call of it costs some 8 µs more."""

Linear = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""A function like `linear`."""


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return x·weightᵀ + bias, [..., outputs].

    `x`: [..., inputs], `weight`: [outputs, inputs], `bias`: [outputs].
    """
    if not _is_for_onednn(x):
        return functional.linear(x, weight, bias)
    product: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return product


def _is_for_onednn(x: Tensor) -> bool:
    return (
        x.numel() >= MIN_ROWS * x.shape[-1]
        and x.device.type == "cpu"
        and x.dtype == torch.float32
        and not torch.is_grad_enabled()  # the operator has no gradient
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and not torch.compiler.is_compiling()  # TorchInductor takes no plain weights
    )
