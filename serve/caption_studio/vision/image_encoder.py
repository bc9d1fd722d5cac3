"""Normalised pixel values → image tokens: GIT's ViT, in our own layout.

Upstream's encoder runs eager attention with three separate projections. This one uses one matrix
product for queries, keys and values, and sdpa. Compilation also fuses the operations between the
products.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from caption_studio.vision.linear import linear


class ImageLayer(NamedTuple):
    """One layer's weights, plain tensors so that all layers share one compiled function."""

    attention_norm: tuple[Tensor, Tensor]
    qkv: tuple[Tensor, Tensor]
    attended: tuple[Tensor, Tensor]
    wide_norm: tuple[Tensor, Tensor]
    wide: tuple[Tensor, Tensor]
    narrow: tuple[Tensor, Tensor]

    @classmethod
    def of(cls, layer: Any) -> Self:
        """Lay out transformers' `GitVisionEncoderLayer`."""
        attention = layer.self_attn
        parts = (attention.q_proj, attention.k_proj, attention.v_proj)
        qkv = torch.cat([part.weight for part in parts]), torch.cat([part.bias for part in parts])
        return cls(
            _of(layer.layer_norm1),
            qkv,
            _of(attention.out_proj),
            _of(layer.layer_norm2),
            _of(layer.mlp.fc1),
            _of(layer.mlp.fc2),
        )


def _of(module: Any) -> tuple[Tensor, Tensor]:
    return module.weight, module.bias


def run_layer(
    layer: ImageLayer, hidden: Tensor, heads: int, norm_eps: float, activation: nn.Module
) -> Tensor:
    """Return the layer's output: [pictures, tokens, hidden] each."""
    count, tokens, size = hidden.shape
    normed = functional.layer_norm(hidden, (size,), *layer.attention_norm, norm_eps)
    by_head = linear(normed, *layer.qkv).view(count, tokens, 3, heads, size // heads)
    query, key, value = by_head.permute(2, 0, 3, 1, 4)
    context = functional.scaled_dot_product_attention(query, key, value)
    hidden = hidden + linear(context.transpose(1, 2).flatten(2), *layer.attended)
    normed = functional.layer_norm(hidden, (size,), *layer.wide_norm, norm_eps)
    wide = activation(linear(normed, *layer.wide))
    return hidden + linear(wide, *layer.narrow)


class ImageEncoder:
    """The ViT of transformers' `GitVisionModel`; `compiled` by TorchInductor at its first call."""

    def __init__(self, model: Any, *, compiled: bool) -> None:
        vision = model.vision_model
        self._embeddings = vision.embeddings
        self._first_norm = vision.pre_layrnorm
        self._last_norm = vision.post_layernorm
        self._heads: int = model.config.num_attention_heads
        self._norm_eps: float = model.config.layer_norm_eps
        self._activation: nn.Module = vision.encoder.layers[0].mlp.activation_fn
        with torch.no_grad():
            self._layers = [ImageLayer.of(layer) for layer in vision.encoder.layers]
        # dynamic: one compilation serves all batches.
        self._run: Callable[..., Tensor] = (
            torch.compile(run_layer, dynamic=True) if compiled else run_layer
        )

    def __call__(self, pixel_values: Tensor) -> tuple[Tensor, Tensor]:
        """Return the encoding, and the first layer's output.

        Both are [pictures, image tokens, the encoder's hidden size].
        """
        hidden = self._first_norm(self._embeddings(pixel_values))
        first: Tensor | None = None
        for layer in self._layers:
            hidden = self._run(layer, hidden, self._heads, self._norm_eps, self._activation)
            first = hidden if first is None else first
        return self._last_norm(hidden), hidden if first is None else first
