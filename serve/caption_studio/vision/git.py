"""GIT's weights: loaded by transformers, checked, and laid out for our own forward pass.

Not here: decoding and resizing (images.decode gives pixels at the model's input size), and
the passes themselves (vision.prefix, vision.decode).
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn
from transformers import AutoProcessor, GitForCausalLM

from caption_studio.model_files import model_folder
from caption_studio.settings import VisionSettings
from caption_studio.vision.linear import Linear
from caption_studio.vision.sureness import Sureness


@dataclass(frozen=True, slots=True)
class Layer:
    """One decoder layer; `qkv` are the query, key and value projections, one below another."""

    qkv_weight: Tensor
    qkv_bias: Tensor
    attended: nn.Linear
    attended_norm: nn.LayerNorm
    wide: nn.Linear
    activation: nn.Module
    narrow: nn.Linear
    narrow_norm: nn.LayerNorm

    @classmethod
    def of(cls, layer: Any) -> Self:
        """Lay out transformers' `GitLayer`."""
        attention = layer.attention.self
        parts = (attention.query, attention.key, attention.value)
        return cls(
            torch.cat([part.weight for part in parts]),
            torch.cat([part.bias for part in parts]),
            layer.attention.output.dense,
            layer.attention.output.LayerNorm,
            layer.intermediate.dense,
            layer.intermediate.intermediate_act_fn,
            layer.output.dense,
            layer.output.LayerNorm,
        )

    def after_attention(self, context: Tensor, hidden: Tensor, linear: Linear) -> Tensor:
        """Return the layer's output: [..., hidden] each. `linear` makes the products."""

        def product(layer: nn.Linear, x: Tensor) -> Tensor:
            return linear(x, layer.weight, layer.bias)

        hidden = self.attended_norm(product(self.attended, context) + hidden)
        wide = self.activation(product(self.wide, hidden))
        output: Tensor = self.narrow_norm(product(self.narrow, wide) + hidden)
        return output


class Git:
    """One GIT on one device, in the layout that our passes read.

    `model` is the whole upstream model, with which the tests compare.
    """

    def __init__(self, model: GitForCausalLM, *, max_length: int) -> None:
        config = model.config
        if config.num_image_with_embedding is not None:
            raise ValueError("the describer takes GIT models of single pictures, not of videos")
        self.model = model
        self.max_length = max_length
        self.bos: int = model.generation_config.bos_token_id
        eos = model.generation_config.eos_token_id
        self.eos = frozenset(eos if isinstance(eos, list) else [eos])
        self.image_size_px: int = config.vision_config.image_size
        grid = self.image_size_px // config.vision_config.patch_size
        self.image_tokens = grid * grid + 1
        self.heads: int = config.num_attention_heads
        self.head_size: int = config.hidden_size // self.heads
        with torch.no_grad():
            self.layers = [Layer.of(layer) for layer in model.git.encoder.layer]

    @property
    def weight(self) -> Tensor:
        """Any weight: new tensors take its dtype and device."""
        return self.layers[0].qkv_weight


@dataclass(frozen=True, slots=True)
class LoadedGit:
    """A model with its tokenizer and normalisation. `mean` and `std` are per channel, in 0..1."""

    git: Git
    mean: tuple[float, ...]
    std: tuple[float, ...]
    tokenizer: Any
    sureness: Sureness = field(default_factory=Sureness)

    def text(self, token_ids: list[int]) -> str:
        """Return the tokens as plain text."""
        text: str = self.tokenizer.decode(token_ids, skip_special_tokens=True)
        return text.strip()


def load(settings: VisionSettings) -> LoadedGit:
    """Load the model with its processor.

    Raises:
        ValueError: `image_size_px` of the settings is not the model's, or it takes videos.
        OSError: no such model.
        PullFailed: the hub does not give its files.
    """
    torch.set_num_threads(settings.threads)
    folder = model_folder(settings.model, settings.revision)
    processor = AutoProcessor.from_pretrained(folder)
    model = GitForCausalLM.from_pretrained(folder, dtype=getattr(torch, settings.dtype))
    model.eval().to(settings.device)
    git = Git(model, max_length=settings.max_length)
    if git.image_size_px != settings.image_size_px:
        raise ValueError(
            f"vision.image_size_px is {settings.image_size_px}, "
            f"but {settings.model} takes {git.image_size_px} px"
        )
    images = processor.image_processor
    return LoadedGit(
        git,
        tuple(images.image_mean),
        tuple(images.image_std),
        processor.tokenizer,
        Sureness.load(settings, Path(folder), git.weight.device),
    )
