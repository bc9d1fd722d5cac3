"""Painted scenes → a trained GIT (describer), saved in the layout of the published checkpoints."""

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from transformers import (
    CLIPImageProcessorPil,
    GenerationConfig,
    GitConfig,
    GitForCausalLM,
    GitProcessor,
    get_cosine_schedule_with_warmup,
)

from caption_studio.demo.hints import Hints, hints_of
from caption_studio.demo.painter import paint
from caption_studio.demo.scenes import TRAINING_SEEDS, Pool, sample_scene
from caption_studio.demo.tokenizers import build_git_tokenizer, save_git_vocabulary

logger = logging.getLogger(__name__)

IMAGE_PX = 64
PAINTED_PX = (64, 80, 96, 128, 160, 192)
"""Sizes pictures are painted at before they are resized to `IMAGE_PX`."""
_IGNORED = -100


@dataclass(frozen=True, slots=True)
class GitRecipe:
    """The parameters of GIT's training."""

    pictures: int = 48_000
    steps: int = 2_200
    batch_size: int = 32
    learning_rate: float = 1.5e-3
    warmup_steps: int = 150
    weight_decay: float = 0.05
    max_gradient_norm: float = 1.0
    width: int = 128
    encoder_layers: int = 4
    decoder_layers: int = 3
    heads: int = 4
    patch_px: int = 8
    hint_share: float = 1.0
    initial_deviation: float = 0.08
    initial_positions: float = 0.5
    seed: int = 20260


Pixels = npt.NDArray[np.uint8]


def paint_small(seed: int) -> Pixels:
    """Paint the training scene of `seed` at one of `PAINTED_PX`, resized: uint8 [64, 64, 3]."""
    size_px = PAINTED_PX[seed % len(PAINTED_PX)]
    picture = paint(sample_scene(seed, Pool.TRAINING), seed, size_px)
    return np.asarray(picture.resize((IMAGE_PX, IMAGE_PX), Image.Resampling.BICUBIC))


def paint_training_pictures(number: int, workers: int = 2) -> Pixels:
    """Paint the pictures of the first `number` training seeds: uint8 [number, 64, 64, 3]."""
    started_s = time.perf_counter()
    seeds = TRAINING_SEEDS[:number]
    if number < 1_000:
        return np.stack([paint_small(seed) for seed in seeds])
    pictures = np.empty((number, IMAGE_PX, IMAGE_PX, 3), dtype=np.uint8)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for index, picture in enumerate(pool.map(paint_small, seeds, chunksize=250)):
            pictures[index] = picture
            if (index + 1) % 8_000 == 0:
                elapsed_s = time.perf_counter() - started_s
                logger.info("git: painted %d of %d (%.0f s)", index + 1, number, elapsed_s)
    return pictures


def build_git(recipe: GitRecipe) -> tuple[GitForCausalLM, GitProcessor]:
    """Return an untrained GIT and its processor."""
    tokenizer = build_git_tokenizer()
    config = GitConfig(
        vision_config={
            "hidden_size": recipe.width,
            "intermediate_size": 4 * recipe.width,
            "num_hidden_layers": recipe.encoder_layers,
            "num_attention_heads": recipe.heads,
            "image_size": IMAGE_PX,
            "patch_size": recipe.patch_px,
        },
        vocab_size=len(tokenizer),
        hidden_size=recipe.width,
        num_hidden_layers=recipe.decoder_layers,
        num_attention_heads=recipe.heads,
        intermediate_size=4 * recipe.width,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        max_position_embeddings=128,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
    )
    image_processor = CLIPImageProcessorPil(
        size={"shortest_edge": IMAGE_PX}, crop_size={"height": IMAGE_PX, "width": IMAGE_PX}
    )
    model = GitForCausalLM(config)
    _initialise(model, recipe)
    return model, GitProcessor(image_processor, tokenizer)


@torch.no_grad()
def _initialise(model: GitForCausalLM, recipe: GitRecipe) -> None:
    """Initialise weights and positions to suit this width.

    The default deviation (0.02) is made for widths near 768: at 128 it halves the speed of
    learning. Positions start as sines and cosines of row and column, as in "Better plain ViT
    baselines for ImageNet-1k" (arXiv 2205.01580), and are trained from there.
    """
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            module.weight.normal_(0.0, recipe.initial_deviation)
    side = IMAGE_PX // recipe.patch_px
    frequencies = 100.0 ** -(torch.arange(recipe.width // 4) / (recipe.width // 4))
    places = torch.cartesian_prod(torch.arange(side), torch.arange(side)).float()
    rows, columns = (places[:, axis, None] * frequencies for axis in (0, 1))
    waves = torch.cat([rows.sin(), rows.cos(), columns.sin(), columns.cos()], dim=1)
    embeddings = model.git.image_encoder.vision_model.embeddings
    embeddings.position_embedding.weight[1:] = recipe.initial_positions * waves


def normalised(pictures: Pixels, processor: Any) -> torch.Tensor:
    """Return 64 px pictures normalised as by the image processor: float32 [N, 3, 64, 64]."""
    mean = torch.tensor(processor.image_mean).view(1, 3, 1, 1)
    deviation = torch.tensor(processor.image_std).view(1, 3, 1, 1)
    pixels = torch.from_numpy(np.array(pictures)).permute(0, 3, 1, 2)
    return (pixels.float() / 255 - mean) / deviation


def _batches(
    pictures: Pixels, processor: GitProcessor, recipe: GitRecipe
) -> Iterator[dict[str, torch.Tensor]]:
    """Yield shuffled batches for ever; half of the pictures are mirrored."""
    rng = np.random.default_rng(recipe.seed)
    scenes = [sample_scene(seed, Pool.TRAINING) for seed in TRAINING_SEEDS[: len(pictures)]]
    encoded = processor.tokenizer(
        [scene.description for scene in scenes], padding=True, return_tensors="pt"
    )
    labels = encoded.input_ids.masked_fill(encoded.attention_mask == 0, _IGNORED)
    hints = hints_of(TRAINING_SEEDS[: len(pictures)], IMAGE_PX // recipe.patch_px)
    while True:
        order = rng.permutation(len(pictures))
        for start in range(0, len(order) - recipe.batch_size + 1, recipe.batch_size):
            chosen = np.sort(order[start : start + recipe.batch_size])
            batch = pictures[chosen]
            mirrored = rng.random(len(batch)) < 0.5
            batch[mirrored] = batch[mirrored, :, ::-1]
            hint = hints[chosen]
            hint[mirrored] = hint[mirrored].flip(-1)
            yield {
                "hints": hint,
                "pixel_values": normalised(batch, processor.image_processor),
                "input_ids": encoded.input_ids[chosen],
                "attention_mask": encoded.attention_mask[chosen],
                "labels": labels[chosen],
            }


def _exact_share(logits: torch.Tensor, labels: torch.Tensor) -> float:
    """Return the share of descriptions whose tokens are all the likeliest ones."""
    guesses = logits[:, -labels.shape[1] : -1].argmax(-1)
    wanted = labels[:, 1:]
    return float(((guesses == wanted) | (wanted == _IGNORED)).all(1).float().mean())


def fit_git(
    model: GitForCausalLM, processor: GitProcessor, pictures: Pixels, recipe: GitRecipe
) -> float:
    """Train in place by AdamW under a cosine; return the last 50 steps' mean loss."""
    hints = Hints(model, recipe.width)
    optimiser = torch.optim.AdamW(
        [*model.parameters(), *hints.parameters()],
        lr=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        betas=(0.9, 0.98),
    )
    schedule = get_cosine_schedule_with_warmup(optimiser, recipe.warmup_steps, recipe.steps)
    losses: list[float] = []
    exact: list[float] = []
    started_s = time.perf_counter()
    model.train()
    for step, batch in zip(
        range(1, recipe.steps + 1), _batches(pictures, processor, recipe), strict=False
    ):
        hinted = batch.pop("hints")
        outputs = model(**batch)
        loss = outputs.loss + recipe.hint_share * hints.loss(hinted)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.max_gradient_norm)
        optimiser.step()
        schedule.step()
        losses.append(outputs.loss.item())
        exact.append(_exact_share(outputs.logits.detach(), batch["labels"]))
        if step % 50 == 0 or step == recipe.steps:
            logger.info(
                "git: step %d/%d loss %.4f exact %.3f (%.0f s)",
                step,
                recipe.steps,
                np.mean(losses[-50:]),
                np.mean(exact[-50:]),
                time.perf_counter() - started_s,
            )
    model.eval()
    return float(np.mean(losses[-50:]))


def save_git(model: GitForCausalLM, processor: GitProcessor, folder: Path) -> None:
    """Write weights (float16), configuration, processor and vocabulary to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    model.generation_config = GenerationConfig(
        bos_token_id=model.config.bos_token_id,
        eos_token_id=model.config.eos_token_id,
        pad_token_id=model.config.pad_token_id,
        max_length=50,
    )
    model.half().save_pretrained(folder)
    model.float()
    processor.tokenizer.save_pretrained(folder)
    processor.image_processor.save_pretrained(folder)
    save_git_vocabulary(processor.tokenizer, folder)
    (folder / "model.safetensors").chmod(0o644)


def train_git(folder: Path, recipe: GitRecipe | None = None) -> dict[str, Any]:
    """Paint, train and save; return the recipe, the time and the final loss for the model card."""
    recipe = recipe or GitRecipe()
    torch.manual_seed(recipe.seed)
    started_s = time.perf_counter()
    model, processor = build_git(recipe)
    pictures = paint_training_pictures(recipe.pictures)
    painted_s = time.perf_counter() - started_s
    loss = fit_git(model, processor, pictures, recipe)
    save_git(model, processor, folder)
    return {
        "recipe": asdict(recipe),
        "parameters": model.num_parameters(),
        "painting_s": painted_s,
        "total_s": time.perf_counter() - started_s,
        "loss": loss,
    }
