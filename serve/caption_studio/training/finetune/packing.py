"""Examples of a micro-batch → fewer, fuller sequences, each example blind to the others.

TRL packs for FlashAttention, which learns where an example begins from the positions. Falcon in
transformers (5.19) makes its mask without them, so elsewhere packed examples would see each other.
Here the mask is made, a block for each example; sdpa takes it on any device.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from caption_studio.training.finetune.examples import IGNORED

PACKED_TOKENS = 512
"""Tokens in a sequence: the attention between all of them is computed, and then masked."""


def packed(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Return the indices of the examples in each sequence: first fit, the longest first.

    An example that is longer than `tokens` has a sequence to itself.
    """
    bins: list[tuple[int, list[int]]] = []
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        for place, (used, members) in enumerate(bins):
            if used + lengths[index] <= tokens:
                bins[place] = (used + lengths[index], [*members, index])
                break
        else:
            bins.append((lengths[index], [index]))
    return [members for _, members in bins]


@dataclass(frozen=True, slots=True)
class PackingCollator:
    """Makes the model's inputs of a micro-batch; `pad` is a token's id."""

    pad: int

    def __call__(self, examples: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Return int64 [sequences, length], and a bool mask [sequences, 1, length, length]."""
        lengths = [len(example["input_ids"]) for example in examples]
        sequences = packed(lengths, PACKED_TOKENS)
        length = max(sum(lengths[index] for index in members) for members in sequences)
        shape = (len(sequences), length)
        input_ids, labels = torch.full(shape, self.pad), torch.full(shape, IGNORED)
        positions = torch.zeros(shape, dtype=torch.long)
        owner = torch.full(shape, -1)  # the padding is an example of its own
        for row, members in enumerate(sequences):
            start = 0
            for index in members:
                end = start + lengths[index]
                input_ids[row, start:end] = torch.tensor(examples[index]["input_ids"])
                labels[row, start:end] = torch.tensor(examples[index]["labels"])
                positions[row, start:end] = torch.arange(lengths[index])
                owner[row, start:end] = index
                start = end
        same = owner[:, :, None] == owner[:, None, :]
        mask = same.tril()[:, None]
        return {
            "input_ids": input_ids,
            "labels": labels,
            "position_ids": positions,
            "attention_mask": mask,
        }
