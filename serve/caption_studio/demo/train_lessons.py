"""Lessons in obeying → a base model that obeys notes, trained on from the saved one."""

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from caption_studio.demo.copying import copied_shares
from caption_studio.demo.evaluate import load_falcon
from caption_studio.demo.lessons import lesson_corpus
from caption_studio.demo.packed import tokenize_corpus, whole_documents
from caption_studio.demo.train_falcon import (
    FalconRecipe,
    deepened,
    fit_falcon,
    measured,
    save_falcon,
)


@dataclass(frozen=True, slots=True)
class LessonRecipe:
    """The parameters of one round of lessons; weight decay and clipping are `FalconRecipe`'s.

    `first` is the place of its first training seed. `layers` are the layers that the model shall
    have in this round, by the numbers of those it has. If it has as many already, nothing changes.
    """

    first: int = 0
    documents: int = 100_000
    steps: int = 3_600
    learning_rate: float = 1.5e-3
    warmup_steps: int = 40
    seed: int = 20_263
    batch_tokens: int = 2_048
    bfloat16: bool = False
    layers: tuple[int, ...] = ()


ROUNDS = (
    LessonRecipe(),
    LessonRecipe(972_000, 28_000, 1_050, 1e-3, 40, 20_264),
    LessonRecipe(950_000, 20_000, 680, 1e-3, 30, 20_265),
    LessonRecipe(890_000, 58_000, 2_000, 1.2e-3, 40, 20_266),
    LessonRecipe(870_000, 17_000, 560, 8e-4, 30, 20_267),
    LessonRecipe(818_000, 52_000, 1_800, 1.2e-3, 40, 20_268),
    LessonRecipe(752_000, 66_000, 2_200, 1.2e-3, 40, 20_269),
    LessonRecipe(686_000, 66_000, 2_200, 1.2e-3, 40, 20_270),
    LessonRecipe(528_000, 100_000, 6_000, 1.5e-3, 60, 20_271),
    LessonRecipe(498_000, 30_000, 1_500, 1e-3, 40, 20_272),
    LessonRecipe(484_000, 14_000, 560, 8e-4, 30, 20_273),
    LessonRecipe(420_000, 62_000, 6_000, 1.5e-3, 60, 20_274, layers=(0, 1, 1, 2, 2, 3)),
    LessonRecipe(324_000, 96_000, 9_000, 1.5e-3, 60, 20_275, bfloat16=True),
)


def teach_all(folder: Path) -> dict[str, Any]:
    """Teach all rounds; return the figures of each by its number."""
    return {str(number): teach(folder, recipe) for number, recipe in enumerate(ROUNDS, 1)}


def teach(folder: Path, recipe: LessonRecipe | None = None) -> dict[str, Any]:
    """Train the saved base on and save it again; return figures for the model card."""
    recipe = recipe or LessonRecipe()
    torch.manual_seed(recipe.seed)
    started_s = time.perf_counter()
    model, tokenizer = load_falcon(folder)
    if len(recipe.layers) > model.config.num_hidden_layers:
        model = deepened(model, recipe.layers)
    tokens = tokenize_corpus(tokenizer, lesson_corpus(recipe.documents, recipe.first))
    phase = replace(
        FalconRecipe(),
        steps=recipe.steps,
        learning_rate=recipe.learning_rate,
        warmup_steps=recipe.warmup_steps,
        bfloat16=recipe.bfloat16,
    )
    batches = whole_documents(tokens, recipe.batch_tokens, recipe.seed)
    loss = fit_falcon(model, batches, phase, lambda: copied_shares(model, tokenizer))
    save_falcon(model, folder)
    total_s = time.perf_counter() - started_s
    return {
        "recipe": asdict(recipe),
        "tokens": len(tokens),
        "total_s": total_s,
        "loss": loss,
        **measured(model, tokenizer),
    }
