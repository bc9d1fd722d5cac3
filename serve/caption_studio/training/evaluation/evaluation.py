"""An adapter and a data set → results, a report and the judge's journal: the story on one page."""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

from caption_studio.training.evaluation.compare import WIN_RATE
from caption_studio.training.evaluation.items import Item, items_of, rows_digest
from caption_studio.training.evaluation.judge.asking import Judge, JudgeFailed
from caption_studio.training.evaluation.judge.judging import judged
from caption_studio.training.evaluation.judge.tally import Tally
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
from caption_studio.training.rows import Split, read_rows

BASE, DATA = "base", "data"
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

    They are written before the judge is asked and once more with what it says, so that a judge
    that fails costs the win rate and nothing else. Raises `EvaluationProblem` or `DataSetError`.
    """
    rows = read_rows(plan.dataset)
    items = items_of(rows, plan.split, plan.limit, seed=SEED)
    _prepare(plan.output)
    trained = TrainingCaptions(row.caption for row in rows if row.split == "train")
    with tempfile.TemporaryDirectory() as folder:
        progress("loading the models", 0, 1)
        writers = load(_sources(plan), plan.base, Path(folder))
        mine, theirs = _sides(plan, writers, items, trained, progress)
    results = _results(plan, writers, items, mine, theirs)
    _write(plan, results, items, mine, theirs)
    if plan.judge is None:
        return Outcome(results)
    failure = ""
    try:
        said = judged(
            plan.judge,
            plan.output,
            [item.row for item in items],
            mine.shown,
            theirs.shown,
            progress,
        )
        results = _with_judge(results, plan.judge, said)
    except JudgeFailed as error:
        failure = str(error)
        results = replace(results, adapter=_unjudged(mine.side, failure))
    _write(plan, results, items, mine, theirs)
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


def _results(
    plan: Plan, writers: Writers, items: Sequence[Item], mine: Written, theirs: Written
) -> Results:
    """Return the results without a judge."""
    reason = "no judge was named" if plan.judge is None else "the judge was not asked to the end"
    return Results(
        adapter=_unjudged(mine.side, reason),
        other=theirs.side,
        base=writers.base,
        dataset=_dataset(plan, items),
        judge={},
        seed=SEED,
        device=writers.device,
        versions={name: version(name) for name in _PACKAGES},
    )


def _unjudged(side: Side, reason: str) -> Side:
    return replace(side, left_out={**side.left_out, WIN_RATE: reason})


def _with_judge(results: Results, judge: Judge, said: Tally) -> Results:
    """Return the results with a win rate; the tally has one."""
    left_out = {name: why for name, why in results.adapter.left_out.items() if name != WIN_RATE}
    measures = dict(results.adapter.measures)
    if said.win_rate is not None:
        measures = {WIN_RATE: said.win_rate, **measures}
    side = replace(results.adapter, measures=measures, left_out=left_out)
    return replace(results, adapter=side, judge={"model": judge.model, **asdict(said)})


def _write(
    plan: Plan, results: Results, items: Sequence[Item], mine: Written, theirs: Written
) -> None:
    write_text(plan.output / FILE_NAME, to_json(results))
    html = page(results, items, mine.shown, theirs.shown, plan.dataset.parent)
    write_text(plan.output / REPORT_NAME, html)


def _dataset(plan: Plan, items: Sequence[Item]) -> DataSet:
    with plan.dataset.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return DataSet(str(plan.dataset), digest, plan.split, len(items), rows_digest(items))
