"""Which GIT is measured, and the pictures it gets."""

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import AutoProcessor, GitConfig, GitForCausalLM, GitVisionConfig

from benchmarks.pictures import paint
from benchmarks.scenario import PictureKind
from caption_studio.records import Pixels
from caption_studio.vision.git import Git, LoadedGit

DEMO = Path(__file__).parents[2] / "serve/caption_studio/demo/models/git-demo"
DEMO_MAX_LENGTH = 50
LARGE_MAX_LENGTH = 13
"""Random weights never end a text; with 12 tokens it is about as long as one of COCO's."""


def demo(dtype: torch.dtype) -> LoadedGit:
    """Return the embedded model."""
    model = GitForCausalLM.from_pretrained(DEMO, dtype=dtype).eval()
    return _loaded(model, DEMO_MAX_LENGTH)


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
    torch.manual_seed(0)
    return _loaded(GitForCausalLM(git_large_config()).eval().to(dtype), LARGE_MAX_LENGTH)


def _loaded(model: GitForCausalLM, max_length: int) -> LoadedGit:
    processor = AutoProcessor.from_pretrained(DEMO)  # the same normalisation and kind of tokens
    images = processor.image_processor
    git = Git(model, max_length=max_length)
    return LoadedGit(git, tuple(images.image_mean), tuple(images.image_std), processor.tokenizer)


def pictures(side_px: int, count: int) -> list[Pixels]:
    """Return seeded pictures at the model's input size."""
    found = []
    for number in range(count):
        picture = Image.open(io.BytesIO(paint(PictureKind(), seed=1, number=number)))
        small = picture.convert("RGB").resize((side_px, side_px), Image.Resampling.BICUBIC)
        found.append(Pixels(np.asarray(small).tobytes(), side_px, side_px))
    return found
