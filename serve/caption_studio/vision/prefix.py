"""Pixels → image prefix: the keys and values that every text token attends to, computed once.

The picture's tokens attend among themselves only, so nothing that is written later changes
them. Of the last decoder layer only keys and values are needed: the rest of it would give an
output that nothing reads.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from caption_studio.records import Pixels
from caption_studio.vision.git import Git


class PrefixEncoder:
    """Encodes pictures with one GIT. `mean` and `std` are of the channels, in 0..1."""

    def __init__(self, git: Git, *, mean: Sequence[float], std: Sequence[float]) -> None:
        self._git = git
        scale = 1 / (255 * torch.tensor(std, dtype=torch.float32))
        shift = -torch.tensor(mean, dtype=torch.float32) / torch.tensor(std, dtype=torch.float32)
        self._scale = scale.view(1, 3, 1, 1).to(git.weight.device)
        self._shift = shift.view(1, 3, 1, 1).to(git.weight.device)

    def pixel_values(self, pictures: Sequence[Pixels]) -> Tensor:
        """Return uint8 [H, W, 3] each → normalised [pictures, 3, H, W] in the model's dtype.

        Raises `ValueError` for a picture that is not of the model's size.
        """
        side = self._git.image_size_px
        stacked = np.stack(
            [np.frombuffer(pixels.data, np.uint8).reshape(side, side, 3) for pixels in pictures]
        )
        weight = self._git.weight
        channels_first = torch.from_numpy(stacked).to(weight.device).permute(0, 3, 1, 2)
        values = torch.addcmul(self._shift, channels_first.float(), self._scale)
        return values.to(weight.dtype)

    def encode(self, pixel_values: Tensor) -> list[Tensor]:
        """Return each layer's keys and values: [pictures, 2, heads, image tokens, head size]."""
        model = self._git.model.git
        hidden = model.visual_projection(model.image_encoder(pixel_values).last_hidden_state)
        pictures, tokens, _ = hidden.shape
        prefix = []
        for layer in self._git.layers:
            qkv = functional.linear(hidden, layer.qkv_weight, layer.qkv_bias)
            by_head = qkv.view(pictures, tokens, 3, self._git.heads, self._git.head_size)
            query, key, value = by_head.permute(2, 0, 3, 1, 4)
            prefix.append(torch.stack((key, value), dim=1))
            if layer is not self._git.layers[-1]:
                context = functional.scaled_dot_product_attention(query, key, value)
                hidden = layer.after_attention(context.transpose(1, 2).flatten(2), hidden)
        return prefix
