"""Captions are written for pictures and requests of one split, each once."""

import pytest

from caption_studio.training.evaluation.items import items_of, rows_digest
from caption_studio.training.evaluation.problem import EvaluationProblem
from caption_studio.training.rows import Row

ROWS = [
    Row("a duck", "Quack.", picture_id="1", split="test"),
    Row("a duck", "Quack quack.", picture_id="1", split="test"),
    Row("a duck", "Quack?", picture_id="1", split="test", request="as a question"),
    Row("a bus", "Honk.", picture_id="2", split="test"),
    Row("a cat", "Meow.", picture_id="3"),
]


def test_captions_of_one_picture_and_request_are_one_item() -> None:
    items = items_of(ROWS, "test", None, seed=1)
    assert [[row.caption for row in item.rows] for item in items] == [
        ["Quack.", "Quack quack."],
        ["Quack?"],
        ["Honk."],
    ]


def test_the_prompt_is_that_of_the_service() -> None:
    plain, asked, _ = items_of(ROWS, "test", None, seed=1)
    lead = "Convert the given image description to social media worthy caption:\n"
    assert plain.prompt == f"{lead}Description: a duck\nCaption:"
    assert asked.prompt == f"{lead}Description: a duck\nRequest: as a question\nCaption:"


def test_a_limit_draws_the_same_items_each_time_in_the_datas_order() -> None:
    rows = [Row(f"duck {number}", "Quack.", split="test") for number in range(50)]
    few = items_of(rows, "test", 10, seed=1)
    assert few == items_of(rows, "test", 10, seed=1)
    assert len(few) == 10
    places = [rows.index(item.row) for item in few]
    assert places == sorted(places) != list(range(10))
    assert len(items_of(rows, "test", 1000, seed=1)) == 50


def test_a_split_without_rows_is_told() -> None:
    with pytest.raises(
        EvaluationProblem, match="split validation; it has 4 of test and 1 of train"
    ):
        items_of(ROWS, "validation", None, seed=1)


def test_the_digest_is_of_the_rows_that_are_used() -> None:
    items = items_of(ROWS, "test", None, seed=1)
    assert rows_digest(items) == rows_digest(items_of(ROWS[:4], "test", None, seed=1))
    assert rows_digest(items) != rows_digest(items[:2])
