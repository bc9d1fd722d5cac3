"""Two evaluations of the same rows tell which measures became worse."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from caption_studio.cli import main
from caption_studio.training.evaluation.compare import not_compared, verdicts
from caption_studio.training.evaluation.measures.intervals import Measure
from caption_studio.training.evaluation.problem import EvaluationProblem
from caption_studio.training.evaluation.results import (
    DataSet,
    Results,
    Side,
    read_results,
    to_json,
    write_text,
)

BASE = Side("falcon", "", {})
DATA = Side("the data's captions", "", {"written.empty": Measure(0.0, 0.0, 0.1, 50, "lower")})


def results(
    measures: Mapping[str, Measure], rows: str = "r", other: Side = BASE, base: str = "/m/a/falcon"
) -> Results:
    return Results(
        adapter=Side("bakery", "ab", measures, {"copied": "no rows of the split train"}),
        other=other,
        base=base,
        dataset=DataSet("set.jsonl", "d", "test", 10, rows),
        judge={"model": "wise-1"},
        seed=1,
        device="cpu",
        versions={"torch": "2"},
    )


OLD = {
    "perplexity": Measure(5.0, 4.5, 5.5, 50, "lower"),
    "greedy.names_all": Measure(0.9, 0.85, 0.94, 50, "higher"),
    "greedy.distinct_2": Measure(0.5, 0.45, 0.55, 50, "higher"),
    "captions_per_s": Measure(100.0, 90.0, 110.0, 50),
}
NEW = {
    "perplexity": Measure(3.0, 2.5, 3.5, 50, "lower"),
    "greedy.names_all": Measure(0.7, 0.65, 0.8, 50, "higher"),
    "greedy.distinct_2": Measure(0.42, 0.39, 0.46, 50, "higher"),
    "captions_per_s": Measure(1.0, 0.9, 1.1, 50),
}


def test_a_measure_is_worse_where_the_intervals_do_not_overlap() -> None:
    words = {one.name: one.word for one in verdicts(results(OLD), results(NEW))}
    assert words == {
        "perplexity": "better",
        "greedy.names_all": "worse",
        "greedy.distinct_2": "no clear difference",
    }
    backwards = {one.name: one.word for one in verdicts(results(NEW), results(OLD))}
    assert (backwards["perplexity"], backwards["greedy.names_all"]) == ("worse", "better")


def test_other_rows_cannot_be_compared() -> None:
    with pytest.raises(EvaluationProblem, match="of different rows"):
        verdicts(results(OLD), results(NEW, rows="others"))


WON = {"win_rate": Measure(0.9, 0.8, 0.95, 50, "higher")}
LOST = {"win_rate": Measure(0.1, 0.05, 0.2, 50, "higher")}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (BASE, BASE),
        (DATA, replace(DATA, name="another name")),
        (Side("bakery (other)", "cd", {}), Side("bakery", "cd", {})),
    ],
)
def test_win_rates_against_the_same_side_are_compared_whatever_its_name(
    before: Side, after: Side
) -> None:
    found = verdicts(results(WON, other=before), results(LOST, other=after))
    assert [one.word for one in found] == ["worse"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (results(WON), results(LOST, other=DATA)),
        (results(WON), results(LOST, base="/m/b/falcon")),
        (results(WON, other=Side("prod", "cd", {})), results(LOST, other=Side("prod", "ef", {}))),
        (results(WON), replace(results(LOST), judge={"model": "wise-2"})),
    ],
)
def test_win_rates_against_another_side_or_by_another_judge_are_not_compared(
    before: Results, after: Results
) -> None:
    assert verdicts(before, after) == []
    assert not_compared(before, after) == ["win_rate"]


def test_win_rates_against_the_data_need_no_common_base_model() -> None:
    others = results(WON, other=DATA), results(LOST, other=DATA, base="/m/b/falcon")
    assert [one.word for one in verdicts(*others)] == ["worse"]


def test_perplexity_by_another_base_model_is_not_compared() -> None:
    others = results(OLD), results(NEW, base="/m/b/falcon")
    assert "perplexity" not in {one.name for one in verdicts(*others)}
    assert not_compared(*others) == ["perplexity"]


def test_a_measure_that_the_captions_are_not_the_cause_of_may_be_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = {"greedy.copied": Measure(0.0, 0.0, 0.1, 50, "lower")}
    write_text(tmp_path / "a", to_json(results(OLD | copied | WON)))
    write_text(tmp_path / "b", to_json(results(OLD)))
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        *["no clear difference"] * 3,
        *["not compared"] * 2,
    ]


SPOKE_GERMAN = {
    "greedy.obeys_all": Measure(0.95, 0.8, 0.99, 20, "higher"),
    "greedy.obeys_language": Measure(0.95, 0.8, 0.99, 20, "higher"),
}


@pytest.mark.parametrize(
    ("left", "status", "said"),
    [
        (None, 3, "worse: follows: language, greedy: 95.0 % (80.0 to 99.0) → -, told by 20 "),
        (9, 3, "(70.0 to 100.0), told by 20 captions before and by 9 now"),
        (10, 0, "no clear difference: follows: language, greedy"),
    ],
)
def test_captions_that_no_longer_tell_whether_they_obey_are_worse(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    left: int | None,
    status: int,
    said: str,
) -> None:
    after = dict(SPOKE_GERMAN)
    del after["greedy.obeys_language"]
    if left is not None:
        after["greedy.obeys_language"] = Measure(1.0, 0.7, 1.0, left, "higher")
    write_text(tmp_path / "a", to_json(results(SPOKE_GERMAN)))
    write_text(tmp_path / "b", to_json(results(after)))
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == status
    assert said in capsys.readouterr().out
    assert main(["compare", str(tmp_path / "b"), str(tmp_path / "a")]) == 0


def test_captions_without_words_are_worse() -> None:
    left = {name: one for name, one in OLD.items() if name != "greedy.distinct_2"}
    assert [one.word for one in verdicts(results(OLD), results(left)) if one.is_lost] == ["worse"]


def test_results_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "evaluation.json"
    write_text(path, to_json(results(OLD)))
    assert read_results(path) == results(OLD)
    assert [one.name for one in tmp_path.iterdir()] == ["evaluation.json"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no JSON"),
        ("[]", "is no evaluation"),
        ("{}", "is no evaluation"),
        ('{"form": 9}', "has the form 9, and this version reads 1"),
        (to_json(results(OLD)).replace("0.94", "NaN"), "is no evaluation"),
        (to_json(results(OLD)).replace('"low"', '"lower"'), "is no evaluation"),
    ],
)
def test_a_file_that_is_no_evaluation_is_told(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(EvaluationProblem, match=said):
        read_results(path)


@pytest.mark.parametrize(
    ("before", "after", "status"), [(OLD, OLD, 0), (OLD, NEW, 3), (NEW, OLD, 3)]
)
def test_the_command_ends_with_3_where_something_is_worse(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    before: dict[str, Measure],
    after: dict[str, Measure],
    status: int,
) -> None:
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    for path, measures in zip(paths, (before, after), strict=True):
        write_text(path, to_json(results(measures)))
    assert main(["compare", *map(str, paths)]) == status
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert any(line.startswith("worse: ") for line in lines) is (status == 3)


def test_a_line_tells_both_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, measures in (("a", OLD), ("b", NEW)):
        write_text(tmp_path / name, to_json(results(measures)))
    main(["compare", str(tmp_path / "a"), str(tmp_path / "b")])
    assert (
        "worse: names all that is known, greedy: 90.0 % (85.0 to 94.0) → 70.0 % (65.0 to 80.0)"
        in capsys.readouterr().out
    )


def test_files_that_cannot_be_compared_end_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_text(tmp_path / "a", to_json(results(OLD)))
    write_text(tmp_path / "b", to_json(replace(results(OLD), dataset=_other_rows())))
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "none")]) == 2
    assert "No such file" in capsys.readouterr().err
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 2
    assert "of different rows" in capsys.readouterr().err


def _other_rows() -> Any:
    return DataSet("set.jsonl", "d", "test", 9, "others")
