"""Pixels → image prefix: the keys and values that every text token attends to, computed once.

The picture's tokens attend only to one another, so text written later does not change them. Of the
last decoder layer only keys and values are needed, because nothing reads its output.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from caption_studio.vision.familiarity import patch_statistics
from caption_studio.vision.git import LoadedGit
from caption_studio.vision.graphs import Record, Replays
from caption_studio.vision.image_encoder import ImageEncoder
from caption_studio.vision.linear import linear

CPU_PASS = 8
"""Pictures that a CPU encodes at a time. The activations of 64 of the demo's pictures no longer fit
its caches (3.8 ms per picture; 2.5 in batches of 8)."""


class Encoded(NamedTuple):
    """Pictures in the model: of each layer [pictures, 2, heads, image tokens, head size].

    `distances` [pictures] are from what is familiar; 0 where the model cannot tell.
    """

    prefix: list[Tensor]
    distances: Tensor


class PrefixEncoder:
    """Encodes up to `most` pictures at a time; with `record`, by passes recorded once.

    `began` is called before each pass: a CPU makes many of one batch.
    """

    def __init__(
        self,
        loaded: LoadedGit,
        *,
        most: int,
        record: Record | None = None,
        compiled: bool = False,
        began: Callable[[], None] = lambda: None,
    ) -> None:
        self._began = began
        self._git = git = loaded.git
        self._familiarity = loaded.sureness.familiarity
        self._image_encoder = ImageEncoder(git.model.git.image_encoder, compiled=compiled)
        mean, std = torch.tensor([loaded.mean, loaded.std], dtype=torch.float32)
        self._scale = (1 / (255 * std)).view(1, 3, 1, 1).to(git.weight.device)
        self._shift = (-mean / std).view(1, 3, 1, 1).to(git.weight.device)
        self._at_once = CPU_PASS if git.weight.device.type == "cpu" else most
        self._replays: Replays | None = None
        if record is not None:
            side, columns = git.image_size_px, (2, git.heads, git.image_tokens, git.head_size)
            self._pixels = git.weight.new_zeros((most, side, side, 3), dtype=torch.uint8)
            self._prefix = [git.weight.new_empty((most, *columns)) for _ in git.layers]
            self._distances = torch.empty(most, device=git.weight.device)
            self._replays = Replays(self._encode_recorded, most=most, record=record)

    def pixel_values(self, pictures: Tensor) -> Tensor:
        """Return uint8 [pictures, H, W, 3] → normalised [pictures, 3, H, W], the model's dtype."""
        channels_first = pictures.permute(0, 3, 1, 2)
        values = torch.addcmul(self._shift, channels_first.float(), self._scale)
        return values.to(self._git.weight.dtype)

    def encode(self, pictures: Tensor) -> Encoded:
        """Return each layer's keys and values, and how familiar the pictures are.

        `pictures`: uint8 [pictures, H, W, 3] on the model's device. Recorded passes reuse their
        prefix, so it must be read before the next call.
        """
        if self._replays is None:
            if len(pictures) <= self._at_once:
                return self._encode(pictures)
            passes = [self._encode(part) for part in torch.split(pictures, self._at_once)]
            prefixes = zip(*(one.prefix for one in passes), strict=True)
            return Encoded(
                [torch.cat(of_layer) for of_layer in prefixes],
                torch.cat([one.distances for one in passes]),
            )
        count = len(pictures)
        self._pixels[:count] = pictures
        self._replays(count)
        return Encoded(
            [layer_prefix[:count] for layer_prefix in self._prefix],
            self._distances[:count].clone(),
        )

    def _encode_recorded(self, count: int) -> None:
        encoded = self._encode(self._pixels[:count])
        for kept, layer_prefix in zip(self._prefix, encoded.prefix, strict=True):
            kept[:count] = layer_prefix
        self._distances[:count] = encoded.distances

    def _encode(self, pictures: Tensor) -> Encoded:
        self._began()
        encoded, first = self._image_encoder(self.pixel_values(pictures))
        hidden = self._git.model.git.visual_projection(encoded)
        count, tokens, _ = hidden.shape
        prefix = []
        for layer in self._git.layers:
            qkv = linear(hidden, layer.qkv_weight, layer.qkv_bias)
            by_head = qkv.view(count, tokens, 3, self._git.heads, self._git.head_size)
            query, key, value = by_head.permute(2, 0, 3, 1, 4)
            prefix.append(torch.stack((key, value), dim=1))
            if layer is not self._git.layers[-1]:
                context = functional.scaled_dot_product_attention(query, key, value)
                hidden = layer.after_attention(context.transpose(1, 2).flatten(2), hidden, linear)
        return Encoded(prefix, self._distances_of(first))

    def _distances_of(self, first: Tensor) -> Tensor:
        if self._familiarity is None:
            return torch.zeros(len(first), device=first.device)
        return self._familiarity.distances(patch_statistics(first))
