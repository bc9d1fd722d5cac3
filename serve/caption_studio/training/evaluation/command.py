"""`caption-studio evaluate ADAPTER DATASET`, and `caption-studio compare` of two evaluations."""

import argparse
import sys
from pathlib import Path
from typing import Any, get_args

from tqdm import tqdm

from caption_studio.training.rows import Split

FAILED, MISUSED, WORSE = 1, 2, 3


def add_to(commands: Any) -> None:
    """Add both commands to the command line's sub-parsers."""
    evaluate = commands.add_parser(
        "evaluate",
        help="measure an adapter on a data set's held-out rows",
        description="Writes evaluation.json and report.html. A judge's key is read from "
        "CAPTION_STUDIO_JUDGE_KEY, else OPENAI_API_KEY.",
    )
    evaluate.add_argument("adapter", metavar="ADAPTER", help="folder, hub id or embedded:NAME")
    evaluate.add_argument("dataset", type=Path, metavar="DATASET", help="a file of JSON lines")
    evaluate.add_argument(
        "--base", metavar="MODEL", help="folder, hub id or embedded:NAME; default: the adapter's"
    )
    evaluate.add_argument(
        "--against",
        default="base",
        metavar="SIDE",
        help="base, data or another adapter; default: %(default)s",
    )
    evaluate.add_argument(
        "--judge-url", metavar="URL", help="an OpenAI-compatible API that says who wins"
    )
    evaluate.add_argument("--judge-model", metavar="MODEL", help="the model to ask there")
    evaluate.add_argument(
        "--output",
        type=Path,
        default=Path("evaluation"),
        metavar="DIR",
        help="default: %(default)s",
    )
    evaluate.add_argument(
        "--split", choices=get_args(Split), default="test", help="default: %(default)s"
    )
    evaluate.add_argument(
        "--limit", type=_count, metavar="N", help="pictures and requests at most; default: all"
    )
    evaluate.set_defaults(run=run_evaluate)

    compare = commands.add_parser(
        "compare",
        help="tell whether an adapter became worse: two files of evaluate",
        description="Exit status 0: nothing is worse. 3: a measure is worse beyond its interval, "
        "or fewer than half as many captions tell it.",
    )
    compare.add_argument("before", type=Path, metavar="A.json")
    compare.add_argument("after", type=Path, metavar="B.json")
    compare.set_defaults(run=run_compare)


def run_evaluate(arguments: argparse.Namespace) -> int:
    """Evaluate; return 0, 1 if the judge failed, 2 for input that cannot be evaluated."""
    from caption_studio.training.evaluation.evaluation import Plan, evaluate
    from caption_studio.training.evaluation.problem import EvaluationProblem
    from caption_studio.training.evaluation.results import FILE_NAME
    from caption_studio.training.evaluation.table import lines_of
    from caption_studio.training.rows import DataSetError

    try:
        plan = Plan(
            adapter=arguments.adapter,
            dataset=arguments.dataset,
            against=arguments.against,
            base=arguments.base,
            split=arguments.split,
            limit=arguments.limit,
            output=arguments.output,
            judge=_judge(arguments),
        )
        outcome = evaluate(plan, _load, _Progress())
    except (EvaluationProblem, DataSetError) as error:
        return _problem(error)
    print("\n".join(lines_of(outcome.results)))
    print(f"Written to {arguments.output / FILE_NAME} and report.html beside it.", file=sys.stderr)
    if outcome.judge_failure:
        print(f"caption-studio: {outcome.judge_failure}", file=sys.stderr)
        return FAILED
    return 0


def run_compare(arguments: argparse.Namespace) -> int:
    """Print a verdict for each measure; return 0, 3 if one is worse, 2 for unfit files."""
    from caption_studio.training.evaluation.compare import not_compared, verdicts
    from caption_studio.training.evaluation.problem import EvaluationProblem
    from caption_studio.training.evaluation.results import read_results
    from caption_studio.training.evaluation.table import full_title, verdict_lines

    try:
        before, after = read_results(arguments.before), read_results(arguments.after)
        found = verdicts(before, after)
    except EvaluationProblem as error:
        return _problem(error)
    for line in verdict_lines(found):
        print(line)
    for name in not_compared(before, after):
        print(f"not compared: {full_title(name)}: not measured alike in {arguments.after}")
    return WORSE if any(one.word == "worse" for one in found) else 0


def _load(*arguments: Any) -> Any:
    """Load models; torch takes seconds to import, and bad input should be told before."""
    from caption_studio.training.evaluation.writing.models import load

    return load(*arguments)


def _judge(arguments: argparse.Namespace) -> Any:
    """Return the judge, None if none is asked for. Raises `EvaluationProblem`."""
    from caption_studio.client.service import can_be_sent
    from caption_studio.training.evaluation.judge.asking import Judge, api_url, judge_key
    from caption_studio.training.evaluation.problem import EvaluationProblem

    if arguments.judge_url is None and arguments.judge_model is None:
        return None
    if not arguments.judge_url or not arguments.judge_model:
        raise EvaluationProblem("A judge needs both --judge-url and --judge-model.")
    key = judge_key()
    if key is not None and not can_be_sent(key):
        raise EvaluationProblem("The judge's key holds other characters than visible ASCII.")
    try:
        return Judge(api_url(arguments.judge_url), arguments.judge_model, key)
    except ValueError as error:
        raise EvaluationProblem(f"{error}.") from error


def _problem(error: Exception) -> int:
    print(f"caption-studio: {error}", file=sys.stderr)
    return MISUSED


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


class _Progress:
    """A bar for each stage on a terminal, else a line at its beginning."""

    def __init__(self) -> None:
        self._stage = ""
        self._bar: tqdm[Any] | None = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show that so many are done."""
        if stage != self._stage:
            self._stage = stage
            if self._bar is not None:
                self._bar.close()
            self._bar = tqdm(total=total, desc=stage) if sys.stderr.isatty() else None
            if self._bar is None:
                print(f"{stage} ({total})" if total > 1 else stage, file=sys.stderr)
        if self._bar is not None:
            self._bar.update(done - self._bar.n)
            if done >= total:
                self._bar.close()
                self._bar = None
