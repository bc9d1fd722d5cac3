"""Two evaluations of the same rows → for each measure, whether the second is worse; pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from caption_studio.training.evaluation.measures.intervals import Measure
from caption_studio.training.evaluation.problem import EvaluationProblem
from caption_studio.training.evaluation.results import Results

Word = Literal["better", "worse", "no clear difference"]
WIN_RATE = "win_rate"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one measure from `before` to `after`."""

    name: str
    before: Measure
    after: Measure
    word: Word


def verdicts(before: Results, after: Results) -> list[Verdict]:
    """Return a verdict for each measure that both have and that has a better direction.

    A measure is worse, or better, where the two intervals do not overlap. That is stricter than
    a test of one difference at 95 %, so that among dozens of measures chance calls few worse.

    Raises `EvaluationProblem` if they are of different rows.
    """
    if before.dataset.rows_sha256 != after.dataset.rows_sha256:
        raise EvaluationProblem(
            "The two evaluations are of different rows: evaluate both on the same data set, with "
            "the same --split and --limit."
        )
    return list(_verdicts(before, after))


def not_compared(before: Results, after: Results) -> list[str]:
    """Return the measures of the first that say which direction is better, without a verdict."""
    compared = {one.name for one in _verdicts(before, after)}
    measures = before.adapter.measures.items()
    return [name for name, one in measures if one.better and name not in compared]


def _verdicts(before: Results, after: Results) -> Iterator[Verdict]:
    same_game = _judged(before) == _judged(after)
    for name, old in before.adapter.measures.items():
        new = after.adapter.measures.get(name)
        if new is None or old.better is None or (name == WIN_RATE and not same_game):
            continue
        yield Verdict(name, old, new, _word(old, new))


def _judged(results: Results) -> tuple[object, ...]:
    """Return what a win rate is against: it can be compared only with one of the same."""
    other = results.other
    return results.judge.get("model"), other.name, other.sha256


def _word(old: Measure, new: Measure) -> Word:
    if new.low > old.high:
        return "better" if old.better == "higher" else "worse"
    if new.high < old.low:
        return "worse" if old.better == "higher" else "better"
    return "no clear difference"
