"""The numbers of one evaluation ↔ `evaluation.json`, a form that later versions go on reading."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from caption_studio.training.evaluation.measures.intervals import Measure
from caption_studio.training.evaluation.problem import EvaluationProblem
from caption_studio.training.files import write_whole

FORM = 1
"""Raised when a reader of the older form would misread the newer one."""

FILE_NAME = "evaluation.json"


@dataclass(frozen=True, slots=True)
class Side:
    """One writer's numbers: `sha256` is its adapter's, empty for the base model and the data.

    A measure's name begins with how its captions came to be: `greedy`, `sampled` or `written`.
    `left_out` tells for measures that there are none of, why.
    """

    name: str
    sha256: str
    measures: Mapping[str, Measure]
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_data(self) -> bool:
        """Whether these are the data's own captions."""
        return any(name.startswith("written.") for name in self.measures)


@dataclass(frozen=True, slots=True)
class DataSet:
    """What was measured on: the file, and the rows of it that were used."""

    file: str
    sha256: str
    split: str
    items: int
    rows_sha256: str


@dataclass(frozen=True, slots=True)
class Results:
    """All numbers of one evaluation. `judge` has the judge's name and its counts, if one judged."""

    adapter: Side
    other: Side
    base: str
    dataset: DataSet
    judge: Mapping[str, Any]
    seed: int
    device: str
    versions: Mapping[str, str]


def to_json(results: Results) -> str:
    """Return the file's text."""
    values = {"form": FORM, **asdict(results)}
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def read_results(path: Path) -> Results:
    """Return an evaluation's numbers. Raises `EvaluationProblem`."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EvaluationProblem(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise EvaluationProblem(f"{path} is no JSON.") from error
    try:
        if values["form"] != FORM:
            raise EvaluationProblem(
                f"{path} has the form {values['form']!r}, and this version reads {FORM}."
            )
        return Results(
            adapter=_side(values["adapter"]),
            other=_side(values["other"]),
            base=str(values["base"]),
            dataset=DataSet(**values["dataset"]),
            judge=dict(values["judge"]),
            seed=int(values["seed"]),
            device=str(values["device"]),
            versions=dict(values["versions"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EvaluationProblem(f"{path} is no evaluation that this program wrote.") from error


def _side(values: Mapping[str, Any]) -> Side:
    measures = {name: Measure(**one) for name, one in values["measures"].items()}
    for one in measures.values():
        if not all(math.isfinite(number) for number in (one.value, one.low, one.high)):
            raise ValueError
    return Side(str(values["name"]), str(values["sha256"]), measures, dict(values["left_out"]))


def write_text(path: Path, text: str) -> None:
    """Write a file whole. Raises `EvaluationProblem`."""
    try:
        write_whole(path, [text])
    except OSError as error:
        raise EvaluationProblem(f"{path} cannot be written: {error.strerror}.") from error
