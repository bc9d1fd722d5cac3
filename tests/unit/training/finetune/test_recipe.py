import math

import pytest

from caption_studio.training.failures import Refused
from caption_studio.training.finetune.recipe import Recipe


def test_the_default_is_the_published_adapters_recipe() -> None:
    recipe = Recipe()
    assert (recipe.rank, recipe.alpha, recipe.dropout) == (16, 32, 0.05)
    assert recipe.target_modules == ("query_key_value",)


def test_steps_follow_from_the_epochs_or_are_given() -> None:
    assert Recipe(epochs=3, batch_size=16).number_of_steps(100) == 19
    assert Recipe(steps=7).number_of_steps(100) == 7
    assert Recipe(epochs=0.001).number_of_steps(2) == 1


def test_the_learning_rate_falls_with_the_width() -> None:
    assert Recipe().peak_learning_rate(4544) == pytest.approx(2e-4)
    assert Recipe().peak_learning_rate(9088) == pytest.approx(1e-4)
    assert Recipe().peak_learning_rate(256) == 2.5e-3
    assert Recipe(learning_rate=1e-3).peak_learning_rate(4544) == 1e-3


def test_warmup_and_evaluations_follow_from_the_steps() -> None:
    assert Recipe().warmup(300) == 9
    assert Recipe(warmup_steps=0).warmup(300) == 0
    assert Recipe(evaluations=10).evaluate_every(95) == 10
    assert Recipe(evaluations=10).evaluate_every(3) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"rank": 0},
        {"alpha": -1},
        {"steps": 0},
        {"epochs": math.nan},
        {"epochs": 0},
        {"learning_rate": math.inf},
        {"batch_size": 0},
        {"dropout": 1.0},
        {"evaluations": 0},
        {"seed": -1},
        {"seed": 2**32},
        {"warmup_steps": -1},
    ],
)
def test_a_number_that_cannot_be_is_refused_by_name(wrong: dict[str, float]) -> None:
    (name,) = wrong
    with pytest.raises(Refused, match=name):
        Recipe(**wrong)


@pytest.mark.parametrize("recipe", [Recipe(epochs=1e308), Recipe(steps=10**12)])
def test_a_training_without_end_is_refused(recipe: Recipe) -> None:
    with pytest.raises(Refused, match="more than 10,000,000 steps"):
        recipe.number_of_steps(100)
