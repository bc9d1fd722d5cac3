"""An adapter and a data set → results, a report and the judge's journal: the story on one page."""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from caption_studio.training.evaluation.items import Item, items_of, rows_digest
from caption_studio.training.evaluation.judge.asking import Judge, JudgeFailed, ask_all
from caption_studio.training.evaluation.judge.journal import Journal
from caption_studio.training.evaluation.judge.question import Question, verdict_of
from caption_studio.training.evaluation.judge.tally import Pair, Tally, tally
from caption_studio.training.evaluation.measures.copies import TrainingCaptions
from caption_studio.training.evaluation.problem import EvaluationProblem
from caption_studio.training.evaluation.report.page import REPORT_NAME, page
from caption_studio.training.evaluation.results import (
    FILE_NAME,
    DataSet,
    Results,
    Side,
    to_json,
    write_text,
)
from caption_studio.training.evaluation.side import Progress, Written, as_data, by_writer
from caption_studio.training.evaluation.writing.writer import Load, Writers
from caption_studio.training.rows import Row, Split, read_rows

BASE, DATA = "base", "data"
JOURNAL_NAME = "judge.jsonl"
SEED = 20260
_ADAPTER, _OTHER = "adapter", "other"
_PACKAGES = ("caption-studio", "torch", "transformers", "peft")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to evaluate: `against` is `base`, `data` or another adapter's source."""

    adapter: str
    dataset: Path
    against: str
    base: str | None
    split: Split
    limit: int | None
    output: Path
    judge: Judge | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The results as written, and what the judge failed at, if it did."""

    results: Results
    judge_failure: str = ""


def evaluate(plan: Plan, load: Load, progress: Progress) -> Outcome:
    """Evaluate, and write `evaluation.json` and `report.html` into the output folder.

    A judge that fails leaves out the win rate and nothing else. Raises `EvaluationProblem` or
    `DataSetError`.
    """
    rows = read_rows(plan.dataset)
    items = items_of(rows, plan.split, plan.limit, seed=SEED)
    _prepare(plan.output)
    trained = TrainingCaptions(row.caption for row in rows if row.split == "train")
    with tempfile.TemporaryDirectory() as folder:
        progress("loading the models", 0, 1)
        writers = load(_sources(plan), plan.base, Path(folder))
        mine, theirs = _sides(plan, writers, items, trained, progress)
    verdict, failure = None, ""
    if plan.judge is not None:
        try:
            verdict = _judged(plan.judge, plan.output, items, mine, theirs, progress)
        except JudgeFailed as error:
            failure = str(error)
    results = Results(
        adapter=_with_win_rate(mine.side, plan, verdict, failure),
        other=theirs.side,
        base=writers.base,
        dataset=_dataset(plan, items),
        judge=_judge_counts(plan, verdict),
        seed=SEED,
        device=writers.device,
        versions={name: version(name) for name in _PACKAGES},
    )
    write_text(plan.output / FILE_NAME, to_json(results))
    html = page(results, items, mine.shown, theirs.shown, plan.dataset.parent)
    write_text(plan.output / REPORT_NAME, html)
    return Outcome(results, failure)


def _prepare(output: Path) -> None:
    """Find out that the results can be written before hours are spent on them."""
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EvaluationProblem(f"{output} cannot be made: {error.strerror}.") from error
    write_text(output / ".writable", "")
    (output / ".writable").unlink()


def _sources(plan: Plan) -> dict[str, str]:
    sources = {_ADAPTER: plan.adapter}
    if plan.against not in (BASE, DATA):
        sources[_OTHER] = plan.against
    return sources


def _sides(
    plan: Plan,
    writers: Writers,
    items: Sequence[Item],
    trained: TrainingCaptions,
    progress: Progress,
) -> tuple[Written, Written]:
    name = _short(plan.adapter)
    mine = by_writer(name, writers.by_adapter[_ADAPTER], items, trained, SEED, progress)
    if plan.against == DATA:
        return mine, as_data("the data's captions", items, trained)
    other = None if plan.against == BASE else _OTHER
    theirs = _short(writers.base) if other is None else _short(plan.against)
    theirs = f"{theirs} (other)" if theirs == name else theirs
    return mine, by_writer(theirs, writers.by_adapter[other], items, trained, SEED, progress)


def _short(source: str) -> str:
    return source.rstrip("/").rpartition("/")[2].rpartition(":")[2] or source


def _judged(
    judge: Judge,
    output: Path,
    items: Sequence[Item],
    mine: Written,
    theirs: Written,
    progress: Progress,
) -> Tally:
    """Ask about each item in both orders, unless the captions are equal: that is a tie."""
    journal = Journal(output / JOURNAL_NAME)
    asked = [
        _in_both_orders(item.row, a, b)
        for item, a, b in zip(items, mine.shown, theirs.shown, strict=True)
    ]
    questions = [question for both in asked for question in both]
    done = 0

    def answered() -> None:
        nonlocal done
        done += 1
        progress(f"asking {judge.model}", done, len(questions))

    ask_all(judge, questions, journal, answered)

    def said(both: tuple[Question, ...]) -> Pair:
        if not both:
            return "tie", "tie"
        first, second = (verdict_of(journal[one.key(judge.model)]) for one in both)
        return first, second

    found = tally([said(both) for both in asked])
    if found.win_rate is None:
        sample = " ".join(journal[questions[0].key(judge.model)].split())[:80]
        raise JudgeFailed(
            f"None of the judge's {len(questions)} answers in {output / JOURNAL_NAME} names A, B "
            f"or a tie; the first is {sample!r}."
        )
    return found


def _in_both_orders(row: Row, mine: str, theirs: str) -> tuple[Question, ...]:
    if mine == theirs:
        return ()
    return (
        Question(row.description, row.request, mine, theirs),
        Question(row.description, row.request, theirs, mine),
    )


def _with_win_rate(side: Side, plan: Plan, verdict: Tally | None, failure: str) -> Side:
    if verdict is not None and verdict.win_rate is not None:
        measures = {"win_rate": verdict.win_rate, **side.measures}
        return Side(side.name, side.sha256, measures, side.left_out)
    reason = failure or "no judge was named"
    return Side(side.name, side.sha256, side.measures, {**side.left_out, "win_rate": reason})


def _judge_counts(plan: Plan, verdict: Tally | None) -> dict[str, Any]:
    if plan.judge is None or verdict is None:
        return {}
    return {"model": plan.judge.model, **asdict(verdict)}


def _dataset(plan: Plan, items: Sequence[Item]) -> DataSet:
    with plan.dataset.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return DataSet(str(plan.dataset), digest, plan.split, len(items), rows_digest(items))
