"""The card tells what a data set was made of, the progress what it costs."""

from datetime import date

import pytest

from caption_studio.training.dataset.card import Making, card
from caption_studio.training.dataset.items import Answer, Apart
from caption_studio.training.dataset.progress import Progress
from caption_studio.training.dataset.teaching.prices import Prices, Spent
from caption_studio.training.rows import Row

MAKING = Making(
    sources=["pictures/", "a `tick`.txt"],
    describer="a running service",
    teacher={"teacher-model": "t", "captions": 2},
    template="Write ```this``` for {description}",
    near_bits=4,
    licence="CC-BY-4.0",
    command="caption-studio dataset build pictures/ set.jsonl",
    made_on=date(2026, 11, 28),
)
ROWS = [Row("a boat", "Sea `you`!", picture_id="1"), Row("a duck", "Quack.", split="test")]


def test_a_card_tells_it_all() -> None:
    spent = Spent()
    for answer in (Answer("A", tokens_in=1000, tokens_out=500), Answer("B")):
        spent.add(answer)
    apart = [Apart("refusal"), Apart("empty"), Apart("refusal")]
    text = card("set.jsonl", ROWS, apart, MAKING, spent, Prices(2.0, 4.0))
    for told in (
        'license: "CC-BY-4.0"',
        "2 captions of 2 pictures, made on 2026-11-28",
        "| test | 1 | 1 |",
        "- `pictures/`\n- `` a `tick`.txt ``",
        "by a teacher, teacher-model `t`, captions `2`",
        "2, 1,000 tokens in, 500 out, cost 0.0040",
        "1 answers did not say",
        "````text\nWrite ```this``` for {description}\n````",
        "| refusal | 2 |\n| empty | 1 |",
        "`a boat`: `` Sea `you`! ``",
        "caption-studio dataset build pictures/ set.jsonl",
    ):
        assert told in text


def test_prices_tell_what_is_still_to_come() -> None:
    spent = Spent()
    spent.add(Answer("A", tokens_in=100_000, tokens_out=10_000))
    assert Prices(1.0, None).told(spent, 3) == (
        "100,000 tokens in, 10,000 out, cost 0.1000 of about 0.4000"
    )
    assert Prices(1.0, 10.0).told(spent, 0).endswith("cost 0.2000")
    assert Prices().cost(spent) is None
    assert "cost" not in Prices().told(spent, 4)


def test_a_log_gets_lines_with_the_time_left_and_the_cost(
    capsys: pytest.CaptureFixture[str],
) -> None:
    spent = Spent()
    with Progress(10, 10, Prices(1.0, 1.0), spent, line_every_s=-1.0) as progress:
        progress.dropped(2, 2)
        spent.add(Answer("A", tokens_in=500_000))
        progress.answered(now=False)
        spent.add(Answer("B", tokens_in=500_000))
        progress.answered(now=True)
        progress.unanswered()
    line = capsys.readouterr().err.splitlines()[-1]
    assert "2/7" in line
    assert "<" in line
    assert "cost 1.0000 of about 3.5000" in line
