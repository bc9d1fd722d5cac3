"""Adapter examples → a trained LoRA adapter on the demo Falcon, by `training.finetune`.

Here are the examples and their numbers; how an adapter is trained is not.
"""

import logging
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from caption_studio.demo import corpus
from caption_studio.demo.scenes import HELD_OUT_SEEDS, TRAINING_SEEDS
from caption_studio.training.base import find
from caption_studio.training.finetune.adapter import FILES
from caption_studio.training.finetune.data import Data
from caption_studio.training.finetune.examples import Example
from caption_studio.training.finetune.finetune import finetune
from caption_studio.training.finetune.job import Job
from caption_studio.training.finetune.recipe import Recipe

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AdapterRecipe:
    """The parameters of one adapter's training, apart from its voice; all else is `Recipe`'s.

    Of the held-out seeds so many last ones, which no figure is measured on, choose the best step.
    """

    examples: int = 19_200
    validation_examples: int = 200
    steps: int = 600
    batch_size: int = 32
    learning_rate: float = 2e-3
    warmup_steps: int = 20
    evaluations: int = 4
    seed: int = 20_262

    @property
    def recipe(self) -> Recipe:
        """The same for `finetune`."""
        return Recipe(
            steps=self.steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            warmup_steps=self.warmup_steps,
            max_gradient_norm=1.0,
            weight_decay=0.0,
            evaluations=self.evaluations,
            seed=self.seed,
        )


def adapter_data(voice: str, recipe: AdapterRecipe) -> Data:
    """Return the voice's examples, of the first training seeds and the last held-out ones."""
    return Data(
        voice,
        _examples(TRAINING_SEEDS[: recipe.examples], voice),
        _examples(HELD_OUT_SEEDS[-recipe.validation_examples :], voice),
        {},
    )


def train_adapter(
    base_folder: Path, folder: Path, voice: str, recipe: AdapterRecipe | None = None
) -> dict[str, Any]:
    """Train one voice on the saved base model; return figures for the model card."""
    recipe = recipe or AdapterRecipe()
    started_s = time.perf_counter()
    data = adapter_data(voice, recipe)

    def say(line: str) -> None:
        logger.info("%s: %s", folder.name, line)

    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as parent:
        trained = Path(parent, folder.name)
        result = finetune(Job(data, find(str(base_folder)), recipe.recipe, trained), say)
        for name in FILES:
            shutil.move(trained / name, folder / name)
    return {
        "recipe": {**asdict(recipe.recipe), **asdict(recipe)},
        "parameters": result.parameters,
        "total_s": time.perf_counter() - started_s,
        "loss": result.loss,
    }


def _examples(seeds: Sequence[int], voice: str) -> tuple[Example, ...]:
    examples = (corpus.adapter_example(seed, voice) for seed in seeds)
    return tuple(Example(example.prompt, example.answer) for example in examples)
