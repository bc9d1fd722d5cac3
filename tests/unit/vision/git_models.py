"""GIT models for the tests, and what upstream's `generate()` says of pictures."""

from collections.abc import Sequence

import numpy as np
import torch
from transformers import AutoProcessor

from benchmarks.describer.models import git_large_config, lively
from caption_studio.records import Pixels
from caption_studio.settings import VisionSettings, model_location
from caption_studio.vision.git import Git, LoadedGit, load


def demo() -> LoadedGit:
    """Return the shipped model."""
    return load(VisionSettings())


def large(*, encoder_layers: int, side_px: int = 224) -> LoadedGit:
    """Return git-large-coco's true config: random weights, fewer than its 24 encoder layers.

    Smaller pictures have fewer patches, all else is as wide and deep.
    """
    config = git_large_config(encoder_layers=encoder_layers)
    config.vision_config.image_size = side_px
    return lively(config, torch.float32, torch.device("cpu"))


def noise(side_px: int, count: int, seed: int = 0) -> list[Pixels]:
    """Return coarse coloured patches: pictures that differ much from one another."""
    rng = np.random.default_rng(seed)
    tiles = rng.integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    size = side_px // 4
    return [
        Pixels(tile.repeat(size, axis=0).repeat(size, axis=1).tobytes(), side_px, side_px)
        for tile in tiles
    ]


def stacked(pictures: Sequence[Pixels]) -> torch.Tensor:
    """Return uint8 [pictures, H, W, 3]."""
    return torch.from_numpy(np.stack([_array(pixels) for pixels in pictures]))


def _array(pixels: Pixels) -> np.ndarray:
    return np.frombuffer(pixels.data, np.uint8).reshape(pixels.height_px, pixels.width_px, 3)


def reference_values(pictures: Sequence[Pixels]) -> torch.Tensor:
    """Return upstream's preprocessing of pictures of the model's size: float32 [n, 3, H, W]."""
    processor = AutoProcessor.from_pretrained(model_location("embedded:git-demo"))
    arrays = [_array(pixels) for pixels in pictures]
    values: torch.Tensor = processor(
        images=arrays,
        do_resize=False,
        do_center_crop=False,
        input_data_format="channels_last",
        return_tensors="pt",
    ).pixel_values
    return values


@torch.inference_mode()
def reference(git: Git, pictures: Sequence[Pixels]) -> list[list[int]]:
    """Return upstream's tokens for each picture, the padding after the end cut off."""
    return reference_logprobs(git, pictures)[0]


@torch.inference_mode()
def reference_logprobs(
    git: Git, pictures: Sequence[Pixels]
) -> tuple[list[list[int]], list[list[float]]]:
    """Return the tokens, and the natural logarithm of each one's probability but the first's."""
    generated = git.model.generate(
        pixel_values=reference_values(pictures),
        max_length=git.max_length,
        do_sample=False,
        output_scores=True,
        return_dict_in_generate=True,
    )
    tokens = [_to_the_end(row, git.eos) for row in generated.sequences.tolist()]
    scores = torch.stack(generated.scores, dim=1).log_softmax(dim=-1)
    chosen = scores.gather(2, generated.sequences[:, 1:, None])[:, :, 0].tolist()
    return tokens, [of_row[: len(row) - 1] for row, of_row in zip(tokens, chosen, strict=True)]


def _to_the_end(token_ids: list[int], eos: frozenset[int]) -> list[int]:
    ends = [number for number, token_id in enumerate(token_ids) if token_id in eos]
    return token_ids[: ends[0] + 1] if ends else token_ids
