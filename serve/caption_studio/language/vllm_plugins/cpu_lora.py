"""LoRA's part of a linear layer on the CPU: rows grouped by adapter, two products per group.

vLLM's own CPU path (vllm/lora/ops/torch_ops/lora_ops.py, 0.32.0) copies the adapter's two
matrices once for every token before it multiplies: a prefill of 2,000 tokens moves hundreds
of megabytes a layer. It also reads slot -1, its mark for "no adapter", as Python's last slot,
so a base-model row that shares a step with an adapter's row is answered with the last
adapter's weights. Both are known upstream and open:
https://github.com/vllm-project/vllm/pull/48421, https://github.com/vllm-project/vllm/pull/49656.
This module can go when a release has both fixes and is as fast.

Imported by vLLM in its worker, by the name that language.vllm_plugins.cpu_platform gives it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch.nn.functional import linear
from vllm.lora.punica_wrapper.punica_cpu import PunicaWrapperCPU

Rows = slice | torch.Tensor
"""The rows of one adapter in a step: a slice where they lie together, else int64 `[rows]`."""


class Pair(NamedTuple):
    """An adapter's matrices in one layer: A [rank, in], and B transposed [rank, out]."""

    a: torch.Tensor
    b_transposed: torch.Tensor


Filled = Mapping[int, Pair]
"""The slots of a layer that hold an adapter with weights for it."""

_NOTHING: Filled = {}


class GroupedPunicaWrapper(PunicaWrapperCPU):  # type: ignore[misc]
    """vLLM's CPU wrapper with its code for linear layers replaced; Falcon adapts no others.

    Embeddings, logits and classification heads keep vLLM's path.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._groups: tuple[tuple[int, Rows], ...] = ()
        self._filled: dict[int, tuple[int, Filled]] = {}

    def update_metadata(self, *args: Any, **kwargs: Any) -> None:
        """Group the step's rows, once for all layers; vLLM calls it when the batch changes."""
        super().update_metadata(*args, **kwargs)
        self._groups = rows_by_slot(self.token_lora_indices)

    def add_lora_linear(
        self,
        y: torch.Tensor,
        x: torch.Tensor,
        lora_a_stacked: Sequence[torch.Tensor],
        lora_b_stacked: Sequence[torch.Tensor],
        scale: float,
        output_slices: Sequence[int],
        *,
        buffer: Sequence[torch.Tensor] | None = None,
        **kwargs: Any,
    ) -> None:
        """Add `scale * x A^T B^T` to `y` in place, each row with its own adapter's A and B.

        `y` is `[tokens, sum(output_slices)]`, `x` `[tokens, in]`. Each slice (a part of a
        packed layer) has its own A `[slots, 1, rank, in]` and B `[slots, 1, out, rank]`; an
        adapter of a lower rank is padded with zeros. As in vLLM, the product with A is in
        float32, the product with B in the type of `y`. `buffer` is vLLM's scratch space.
        """
        all_filled = self._filled_slices(lora_a_stacked, lora_b_stacked)
        if not any(all_filled):
            return
        x = x.view(-1, x.shape[-1])
        outputs = y.view(-1, y.shape[-1]).split_with_sizes(output_slices, dim=1)
        for output, filled in zip(outputs, all_filled, strict=True):
            for slot, rows in self._groups:
                if (pair := filled.get(slot)) is not None:
                    low = linear(x[rows].float(), pair.a.float()).to(y.dtype)
                    _add_product(output, rows, low, pair.b_transposed, scale)

    def has_weights(self, a: Sequence[torch.Tensor], b: Sequence[torch.Tensor]) -> bool:
        """Return whether any slot of a layer has weights; see `add_lora_linear` for both."""
        return any(self._filled_slices(a, b))

    def _filled_slices(self, a: Sequence[torch.Tensor], b: Sequence[torch.Tensor]) -> list[Filled]:
        return [self._filled_slots(*pair) for pair in zip(a, b, strict=True)]

    def _filled_slots(self, a: torch.Tensor, b: torch.Tensor) -> Filled:
        """Return the matrices of the slots whose B is not all zero.

        vLLM keeps each slot in every linear layer, and most adapters have weights for few layers.
        The result is cached until vLLM writes into the tensor, which PyTorch counts (`_version`).
        The tensor's address stays its own as long as the model lives.
        """
        version, filled = self._filled.get(b.data_ptr(), (-1, _NOTHING))
        if version != b._version:
            slots = b.flatten(1).any(dim=1).nonzero().flatten().tolist()
            filled = {slot: Pair(a[slot, 0], b[slot, 0].T) for slot in slots}
            self._filled[b.data_ptr()] = (b._version, filled)
        return filled


def rows_by_slot(slots: torch.Tensor) -> tuple[tuple[int, Rows], ...]:
    """Return each adapter slot of a step with its rows, without the base model's (-1).

    `slots` is int64 `[tokens]`.
    """
    return tuple((slot, _rows(slots == slot)) for slot in sorted(set(slots.tolist())) if slot >= 0)


def _add_product(
    output: torch.Tensor, rows: Rows, low: torch.Tensor, b_transposed: torch.Tensor, scale: float
) -> None:
    if isinstance(rows, slice):
        output[rows].addmm_(low, b_transposed, alpha=scale)
    else:
        output.index_add_(0, rows, low @ b_transposed, alpha=scale)


def _rows(chosen: torch.Tensor) -> Rows:
    rows = chosen.nonzero().squeeze(1)
    first, end = int(rows[0]), int(rows[-1]) + 1
    return slice(first, end) if end - first == len(rows) else rows
