"""The GIT models that are measured, and their pictures."""

import io
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import AutoProcessor, GitConfig, GitForCausalLM, GitVisionConfig

from benchmarks.scenario import PictureKind
from benchmarks.workload.pictures import paint
from caption_studio.records import Pixels
from caption_studio.vision.git import Git, LoadedGit

DEMO = Path(__file__).parents[2] / "serve/caption_studio/demo/models/git-demo"
DEMO_MAX_LENGTH = 50
LARGE_MAX_LENGTH = 13
"""Random weights never end a text. 12 tokens are about the length of COCO's texts."""


class TokenIds:
    """Stands in for a tokenizer: a random model has no words, so its text is its token ids."""

    def __init__(self, eos: Collection[int]) -> None:
        self._eos = eos

    def decode(self, token_ids: Sequence[int], **_: object) -> str:
        """Return the tokens, cut after the first that ends a text."""
        ids = [int(token_id) for token_id in token_ids]
        ends = (number + 1 for number, token_id in enumerate(ids) if token_id in self._eos)
        return " ".join(map(str, ids[: next(ends, len(ids))]))

    def batch_decode(self, rows: Iterable[Sequence[int]], **_: object) -> list[str]:
        """Return each row's tokens."""
        return [self.decode(row) for row in rows]


def demo(dtype: torch.dtype) -> LoadedGit:
    """Return the embedded model."""
    model = GitForCausalLM.from_pretrained(DEMO, dtype=dtype).eval()
    return _loaded(model, DEMO_MAX_LENGTH, AutoProcessor.from_pretrained(DEMO).tokenizer)


def git_large_config(*, encoder_layers: int = 24) -> GitConfig:
    """Return microsoft/git-large-coco's config, or one with fewer layers in the image encoder.

    Source: https://huggingface.co/microsoft/git-large-coco/blob/main/config.json
    """
    vision = GitVisionConfig(
        hidden_size=1024,
        intermediate_size=4096,
        num_hidden_layers=encoder_layers,
        num_attention_heads=16,
        image_size=224,
        patch_size=14,
    )
    return GitConfig(
        vision_config=vision.to_dict(),
        vocab_size=30522,
        hidden_size=768,
        num_hidden_layers=6,
        num_attention_heads=12,
        intermediate_size=3072,
        max_position_embeddings=1024,
        bos_token_id=101,
        eos_token_id=102,
        tie_word_embeddings=False,
    )


def git_large(dtype: torch.dtype) -> LoadedGit:
    """Return git-large-coco's config with random weights."""
    return random_git(git_large_config(), dtype, torch.device("cpu"), LARGE_MAX_LENGTH)


def random_git(
    config: GitConfig, dtype: torch.dtype, device: torch.device, max_length: int
) -> LoadedGit:
    """Return a model of random weights, the same for each dtype."""
    torch.manual_seed(0)
    return _loaded(GitForCausalLM(config).eval().to(device, dtype), max_length)


def lively(
    config: GitConfig,
    dtype: torch.dtype,
    device: torch.device,
    *,
    max_length: int = DEMO_MAX_LENGTH,
) -> LoadedGit:
    """Return a random model whose texts differ from picture to picture, in length too.

    Its weights are larger than upstream's initialisation, and every twelfth token ends a text.
    """
    torch.manual_seed(7)
    model = GitForCausalLM(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.mul_(2)
        for layer in model.git.encoder.layer:
            layer.attention.self.query.weight.mul_(4)
    model.generation_config.eos_token_id = list(range(1, config.vocab_size, 12))
    return _loaded(model.to(device, dtype), max_length)


def _loaded(model: GitForCausalLM, max_length: int, tokenizer: Any = None) -> LoadedGit:
    images = AutoProcessor.from_pretrained(DEMO).image_processor  # the same normalisation
    git = Git(model, max_length=max_length)
    mean, std = tuple(images.image_mean), tuple(images.image_std)
    return LoadedGit(git, mean, std, tokenizer or TokenIds(git.eos))


def pictures(side_px: int, count: int) -> list[Pixels]:
    """Return seeded pictures at the model's input size."""
    found = []
    for number in range(count):
        picture = Image.open(io.BytesIO(paint(PictureKind(), seed=1, number=number)))
        small = picture.convert("RGB").resize((side_px, side_px), Image.Resampling.BICUBIC)
        found.append(Pixels(np.asarray(small).tobytes(), side_px, side_px))
    return found
