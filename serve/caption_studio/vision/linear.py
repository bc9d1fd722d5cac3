"""A linear layer: the describer's matrix products, by the faster of two libraries on a CPU.

PyTorch leaves float32 products on a CPU to MKL, which uses half of the vector width on processors
that are not Intel's. oneDNN uses all of it (AVX-512 on an EPYC: 240 GFLOP/s on a core instead of
110 for 520 rows), and is slower only for a few rows. Source of the operator: what TorchInductor
makes of a linear layer (torch/_inductor/mkldnn_ir.py, 2.11). Called directly, it accepts plain
weights.
"""

import torch
from torch import Tensor
from torch.nn import functional

MIN_ROWS = 16
"""From here on oneDNN is faster; a call of it costs some 8 µs more."""


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
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and not torch.compiler.is_compiling()  # TorchInductor takes no plain weights
    )
