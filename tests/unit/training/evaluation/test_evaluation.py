"""The whole evaluation with writers that have no model, from the command line's arguments on."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from caption_studio.cli import main
from caption_studio.training.evaluation.evaluation import DATA, Outcome, Plan, evaluate
from caption_studio.training.evaluation.judge.asking import Judge
from caption_studio.training.evaluation.problem import EvaluationProblem
from caption_studio.training.evaluation.results import read_results
from caption_studio.training.rows import Row, write_rows
from tests.unit.training.evaluation.fakes import Answer, fake_load, judging, said

ROWS = [
    *(
        Row(
            f"a red duck of {name}",
            f"Quack, says {name}.",
            picture=f"{name}.png",
            split="test",
            request=request,
            facts={"subject": "duck", "colour": "red"},
        )
        for name in ("Anna", "Ben", "Cleo", "Dora", "Emma")
        for request in ("", "no hashtags", "end with a question")
    ),
    Row("a blue bus", "Look: a red duck of Anna!"),
]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    path = tmp_path / "set.jsonl"
    write_rows(path, ROWS)
    Image.new("RGB", (40, 30), "red").save(tmp_path / "Anna.png")
    (tmp_path / "Ben.png").write_bytes(b"no picture")
    return path


def plan(dataset: Path, **changes: Any) -> Plan:
    values: dict[str, Any] = {
        "adapter": "out/bakery",
        "dataset": dataset,
        "against": "base",
        "base": None,
        "split": "test",
        "limit": None,
        "output": dataset.parent / "evaluation",
        "judge": None,
    }
    return Plan(**{**values, **changes})


def evaluated(made: Plan) -> Outcome:
    return evaluate(made, fake_load, lambda *_: None)


def prefers_ducks(question: str) -> Answer:
    first, second = (question.split(f"Caption {name}: ")[1].split("\n")[0] for name in "AB")
    return said("A" if "duck" in first else "B" if "duck" in second else "TIE")


def test_both_sides_are_measured_alike(dataset: Path) -> None:
    results = evaluated(plan(dataset)).results
    mine, theirs = results.adapter, results.other
    assert (mine.name, mine.sha256, theirs.name) == ("bakery", "ab12", "falcon-fake")
    assert mine.measures.keys() == theirs.measures.keys()
    for manner in ("greedy", "sampled"):
        assert mine.measures[f"{manner}.names_all"].value == 1.0
        assert theirs.measures[f"{manner}.names_all"].value == 0.0
        assert mine.measures[f"{manner}.obeys_no_hashtags"].n == 5
        assert mine.measures[f"{manner}.obeys_question"].value == 0.0
    assert mine.measures["greedy.copied"].value == 0.2
    assert mine.measures["perplexity"].value < theirs.measures["perplexity"].value
    assert mine.measures["captions_per_s"].better is None
    assert mine.left_out.keys() == {"names_number", "win_rate"}


def test_the_file_holds_the_numbers_and_what_they_are_of(dataset: Path) -> None:
    results = evaluated(plan(dataset, limit=6)).results
    path = dataset.parent / "evaluation" / "evaluation.json"
    assert read_results(path) == results
    values = json.loads(path.read_text())
    assert values["adapter"]["measures"]["greedy.names_all"].keys() == {
        "value",
        "low",
        "high",
        "n",
        "better",
    }
    assert values["dataset"]["items"] == 6
    assert len(values["dataset"]["sha256"]) == 64
    assert values["versions"].keys() == {"caption-studio", "torch", "transformers", "peft"}


def test_perplexity_of_fewer_than_five_pictures_is_left_out_with_a_reason(dataset: Path) -> None:
    write_rows(dataset, [row for row in ROWS if row.picture != "Emma.png"])
    results = evaluated(plan(dataset)).results
    for side in (results.adapter, results.other):
        assert "perplexity" not in side.measures
        assert side.left_out["perplexity"] == "there are fewer than 5 pictures"
    html = (dataset.parent / "evaluation" / "report.html").read_text()
    assert "(there are fewer than 5 pictures)" in html


def test_the_datas_own_captions_can_be_the_other_side(dataset: Path) -> None:
    results = evaluated(plan(dataset, against=DATA)).results
    assert results.other.is_data
    assert results.other.measures["written.names_all"].value == 0.0
    assert "perplexity" not in results.other.measures


def test_another_adapter_of_the_same_name_is_told_apart(dataset: Path) -> None:
    results = evaluated(plan(dataset, against="older/bakery")).results
    assert (results.adapter.name, results.other.name) == ("bakery", "bakery (other)")
    assert results.other.sha256 == "ab12"


def test_the_judge_decides_in_both_orders(dataset: Path) -> None:
    with judging(prefers_ducks) as server:
        outcome = evaluated(plan(dataset, judge=Judge(server.url, "wise-1")))
    rate = outcome.results.adapter.measures["win_rate"]
    assert (rate.value, rate.n, outcome.judge_failure) == (1.0, 15, "")
    judge = outcome.results.judge
    assert (judge["model"], judge["wins"], judge["losses"]) == ("wise-1", 15, 0)
    assert judge["first_shown"]["value"] == 0.5
    assert len(server.asked) == 30


def test_a_second_run_asks_nothing_again(dataset: Path) -> None:
    with judging(prefers_ducks) as server:
        for _ in range(2):
            evaluated(plan(dataset, judge=Judge(server.url, "wise-1")))
    assert len(server.asked) == 30


def test_equal_captions_are_a_tie_without_asking(dataset: Path) -> None:
    with judging(prefers_ducks) as server:
        made = plan(dataset, against="older/bakery", judge=Judge(server.url, "wise-1"))
        rate = evaluated(made).results.adapter.measures["win_rate"]
    assert (rate.value, server.asked) == (0.5, [])


def test_a_judge_that_talks_nonsense_costs_the_win_rate_and_nothing_else(dataset: Path) -> None:
    with judging(lambda _: said("Both are lovely ducks.")) as server:
        outcome = evaluated(plan(dataset, judge=Judge(server.url, "wise-1")))
    assert "None of the judge's 30 answers" in outcome.judge_failure
    assert "'Both are lovely ducks.'" in outcome.judge_failure
    assert "win_rate" not in outcome.results.adapter.measures
    assert outcome.results.adapter.left_out["win_rate"] == outcome.judge_failure
    assert "greedy.names_all" in outcome.results.adapter.measures


def test_what_the_models_wrote_is_kept_when_the_judging_ends_at_once(dataset: Path) -> None:
    output = dataset.parent / "evaluation"
    (output / "judge.jsonl").mkdir(parents=True)
    with pytest.raises(EvaluationProblem, match=r"judge\.jsonl cannot be read"):
        evaluated(plan(dataset, judge=Judge("http://127.0.0.1:9/v1", "wise-1")))
    results = read_results(output / "evaluation.json")
    assert results.adapter.left_out["win_rate"] == "the judge was not asked to the end"


def test_the_report_shows_pictures_and_escapes_what_comes_from_data(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script> $title ${x} & \" '"
    row = Row(evil, evil, picture="a.png", split="test", request=evil, writer=evil)
    dataset = tmp_path / "set.jsonl"
    write_rows(dataset, [row])
    Image.new("RGB", (40, 30), "red").save(tmp_path / "a.png")
    evaluated(plan(dataset, adapter="<script>x"))
    html = (tmp_path / "evaluation" / "report.html").read_text()
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; $title ${x} &amp;" in html
    assert 'src="data:image/jpeg;base64,' in html
    assert "http" not in html.replace("http-equiv", "")


def test_the_report_has_a_row_for_each_item_with_what_holds(dataset: Path) -> None:
    evaluated(plan(dataset))
    html = (dataset.parent / "evaluation" / "report.html").read_text()
    assert html.count("<article>") == 15
    assert html.count("data:image/jpeg") == 3
    assert html.count("no picture") == 12
    assert "✓ names the subject" in html
    assert "✗ follows: question" in html
    assert "Not measured: names the number (no row&#x27;s facts have a number)" in html


def test_an_output_that_cannot_be_written_is_told_before_a_model_is_loaded(dataset: Path) -> None:
    def never(*_: Any) -> Any:
        raise AssertionError

    with pytest.raises(EvaluationProblem, match="cannot be made"):
        evaluate(plan(dataset, output=dataset / "inside a file"), never, lambda *_: None)


@pytest.mark.parametrize(
    ("arguments", "said_"),
    [
        (["embedded:caption-demo", "none.jsonl"], "none.jsonl cannot be read"),
        (["embedded:caption-demo", "SET", "--split", "validation"], "no rows of the split"),
        (["embedded:caption-demo", "SET", "--judge-url", "http://h"], "needs both --judge-url"),
        (
            ["embedded:caption-demo", "SET", "--judge-url", "ftp://h", "--judge-model", "m"],
            "ftp://h is no address of a judge",
        ),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(
    dataset: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said_: str
) -> None:
    given = [str(dataset) if one == "SET" else one for one in arguments]
    assert main(["evaluate", *given, "--output", str(dataset.parent / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("caption-studio: ")
    assert said_ in line


def test_a_limit_below_one_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["evaluate", "a", "b", "--limit", "0"])
    assert left.value.code == 2
    assert "at least 1" in capsys.readouterr().err
