import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import main
from benchmarks.report.compare import Verdict, compare


def result(*rates: float, p95_s: float = 0.5, concurrency: int = 8) -> dict[str, Any]:
    return {
        "results": [
            {
                "scenario": {
                    "name": "toy",
                    "repeats": len(rates),
                    "load": {"kind": "closed", "concurrency": concurrency},
                },
                "repeats": [
                    {"figures": {"requests_per_s": rate, "e2e": {"p95_s": p95_s}, "ttft": None}}
                    for rate in rates
                ],
            }
        ]
    }


def verdicts(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Verdict]:
    return {one.metric: one.verdict(0.02) for one in compare(first, second)}


def test_what_is_clearly_slower_is_worse() -> None:
    found = verdicts(result(100, 101, 99), result(80, 81, 79, p95_s=0.7))
    assert found == {"requests_per_s": Verdict.WORSE, "e2e.p95_s": Verdict.WORSE}


def test_what_is_clearly_faster_is_better() -> None:
    found = verdicts(result(80, 81, 79, p95_s=0.7), result(100, 101, 99))
    assert set(found.values()) == {Verdict.BETTER}


def test_noise_is_no_difference() -> None:
    assert verdicts(result(100, 80, 120), result(95, 70, 119))["requests_per_s"] is Verdict.SAME


def test_a_sure_but_tiny_change_does_not_matter() -> None:
    found = verdicts(result(100, 100.1, 99.9), result(99, 99.1, 98.9))
    assert found["requests_per_s"] is Verdict.SAME


def test_a_run_against_itself_is_the_same() -> None:
    assert set(verdicts(result(100, 90), result(100, 90)).values()) == {Verdict.SAME}


def written(folder: Path, value: dict[str, Any]) -> str:
    folder.mkdir()
    (folder / "result.json").write_text(json.dumps(value))
    return str(folder)


@pytest.mark.parametrize(
    ("second", "status", "said"),
    [
        (result(100, 101, 99), 0, "B is not shown to be worse"),
        (result(50, 51, 49), 1, "B is worse"),
        (result(100), 2, "at least 2 repeats"),
        (result(100, 101, concurrency=64), 2, "different scenarios"),
        ({}, 2, "results"),
    ],
)
def test_the_exit_status_is_for_ci(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    second: dict[str, Any],
    status: int,
    said: str,
) -> None:
    folders = [
        written(tmp_path / "a", result(100, 101, 99)),
        written(tmp_path / "b", second),
    ]
    assert main(["compare", *folders]) == status
    printed = capsys.readouterr()
    assert said in printed.out + printed.err
