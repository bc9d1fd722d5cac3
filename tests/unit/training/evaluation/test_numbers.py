"""Shares, perplexity, diversity and copies come with intervals that hold what they say."""

import random
from math import exp

import pytest

from caption_studio.training.evaluation.measures.collected import caption_measures, left_out
from caption_studio.training.evaluation.measures.copies import (
    TrainingCaptions,
    copied,
    copied_runs,
)
from caption_studio.training.evaluation.measures.diversity import distinct, repeated
from caption_studio.training.evaluation.measures.intervals import (
    proportion,
    ratio_interval,
    share,
)
from caption_studio.training.evaluation.measures.perplexity import Loss, perplexity
from caption_studio.training.rows import Row


def test_wilsons_interval_is_that_of_the_books() -> None:
    measure = share([True] * 8 + [False] * 2)
    assert (measure.value, measure.n, measure.better) == (0.8, 10, "higher")
    assert (measure.low, measure.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)


@pytest.mark.parametrize("held", [True, False])
def test_a_share_of_all_or_none_is_within_its_interval_of_some_width(held: bool) -> None:
    measure = share([held] * 20)
    assert 0 <= measure.low <= measure.value <= measure.high <= 1
    assert measure.high - measure.low == pytest.approx(0.161, abs=1e-3)


def test_halves_count_as_halves() -> None:
    assert proportion(2.5, 5).value == 0.5


def test_the_bootstrap_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = random.Random(1)
    covered = 0
    for seed in range(40):
        tokens = [rng.randint(5, 30) for _ in range(30)]
        nats = [rng.gauss(2, 0.5) * n for n in tokens]
        low, high = ratio_interval(nats, tokens, seed=seed)
        covered += low <= 2 <= high
    assert covered >= 33


def test_perplexity_is_per_token_and_its_interval_by_picture() -> None:
    losses = [Loss(2.0, 1), Loss(6.0, 3), Loss(2.0, 4)]
    measure = perplexity(losses, ["a", "a", "b"], seed=1)
    assert measure.value == pytest.approx(exp(10 / 8))
    assert (measure.low, measure.high) == pytest.approx((exp(0.5), exp(2)))
    assert (measure.n, measure.better) == (3, "lower")
    assert measure == perplexity(losses, ["a", "a", "b"], seed=1)


def test_distinct_runs_and_repeated_captions() -> None:
    captions = ["A red bus!", "a red bus", "A blue duck."]
    one, two = distinct(captions, 1), distinct(captions, 2)
    assert one is not None
    assert two is not None
    assert (one.value, two.value) == (5 / 9, 4 / 6)
    assert one.low <= one.value <= one.high
    assert repeated(captions).value == 1 / 3


def test_captions_without_words_have_no_distinct_runs() -> None:
    assert distinct(["🦆", ""], 1) is None
    assert distinct(["duck", "duck"], 2) is None
    alone = distinct(["a duck"], 1)
    assert alone is not None
    assert (alone.low, alone.value, alone.high) == (0.0, 1.0, 1.0)


def test_copies_are_found_in_other_case_and_as_long_runs() -> None:
    trained = TrainingCaptions(["The quick brown fox jumps over the lazy dog today", "Quack!"])
    captions = ["quack", "See: the quick brown fox jumps over the lazy dog", "A duck", ""]
    assert copied(captions, trained).value == 1 / 4
    assert copied_runs(captions, trained).value == 1 / 4
    assert not TrainingCaptions([])


def test_measures_that_the_data_has_nothing_for_are_left_out_with_a_reason() -> None:
    rows = [Row("a duck", "x", facts={"subject": "duck"}), Row("a bus", "y")]
    measures = caption_measures(rows, ["A duck", ""], TrainingCaptions([]))
    assert (measures["names_subject"].value, measures["names_subject"].n) == (1.0, 1)
    assert measures["empty"].value == 0.5
    assert "copied" not in measures
    reasons = left_out(measures, TrainingCaptions([]))
    assert reasons.keys() == {"names_number", "names_colour", "obeys_all", "copied"}


def test_all_of_a_rows_facts_and_instructions_are_one_measure_more() -> None:
    row = Row(
        "a duck",
        "x",
        request="no hashtags, keep it short",
        facts={"subject": "duck", "colour": "red"},
    )
    measures = caption_measures([row, row], ["A red duck", "A red duck #x1"], TrainingCaptions([]))
    values = {name: one.value for name, one in measures.items() if name[:5] in ("names", "obeys")}
    assert values == {
        "names_all": 1.0,
        "names_subject": 1.0,
        "names_colour": 1.0,
        "obeys_all": 0.5,
        "obeys_no_hashtags": 0.5,
        "obeys_short": 1.0,
    }
