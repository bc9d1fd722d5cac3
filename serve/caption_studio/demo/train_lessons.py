"""Lessons in obeying → a base model that obeys notes, trained on from the saved one."""

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from caption_studio.demo.copying import copied_shares
from caption_studio.demo.evaluate import load_falcon
from caption_studio.demo.lessons import lesson_corpus
from caption_studio.demo.packed import tokenize_corpus
from caption_studio.demo.train_falcon import FalconRecipe, fit_falcon, measured, save_falcon


@dataclass(frozen=True, slots=True)
class LessonRecipe:
    """The parameters of the lessons; all else is `FalconRecipe`'s."""

    documents: int = 100_000
    steps: int = 3_600
    learning_rate: float = 1.5e-3
    warmup_steps: int = 40
    seed: int = 20_263


def teach(folder: Path, recipe: LessonRecipe | None = None) -> dict[str, Any]:
    """Train the saved base on and save it again; return figures for the model card."""
    recipe = recipe or LessonRecipe()
    torch.manual_seed(recipe.seed)
    started_s = time.perf_counter()
    model, tokenizer = load_falcon(folder)
    tokens = tokenize_corpus(tokenizer, lesson_corpus(recipe.documents))
    phase = replace(
        FalconRecipe(),
        steps=recipe.steps,
        learning_rate=recipe.learning_rate,
        warmup_steps=recipe.warmup_steps,
    )
    loss = fit_falcon(model, tokens, phase, lambda: copied_shares(model, tokenizer))
    save_falcon(model, folder)
    total_s = time.perf_counter() - started_s
    return {
        "recipe": asdict(recipe),
        "tokens": len(tokens),
        "total_s": total_s,
        "loss": loss,
        **measured(model, tokenizer),
    }
