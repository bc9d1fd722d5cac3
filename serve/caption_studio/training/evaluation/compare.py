"""Two evaluations of the same rows → for each measure, whether the second is worse; pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from caption_studio.training.evaluation.measures.collected import NAMES, OBEYS
from caption_studio.training.evaluation.measures.intervals import Measure
from caption_studio.training.evaluation.problem import EvaluationProblem
from caption_studio.training.evaluation.results import Results

Word = Literal["better", "worse", "no clear difference"]
WIN_RATE, PERPLEXITY = "win_rate", "perplexity"
_TOLD_BY_CAPTIONS = (NAMES, OBEYS, "distinct_")
"""How the names of measures begin that have fewer samples only if the captions tell less."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one measure from `before` to `after`; `after` is None if it is gone."""

    name: str
    before: Measure
    after: Measure | None
    word: Word

    @property
    def is_lost(self) -> bool:
        """Whether fewer than half as many captions tell it as before."""
        return _is_lost(self.name, self.before, self.after)


def verdicts(before: Results, after: Results) -> list[Verdict]:
    """Return a verdict for each measure that can be compared and that has a better direction.

    A measure is worse, or better, where the two intervals do not overlap. That is stricter than
    a test of one difference at 95 %, so that among dozens of measures chance calls few worse. It
    is worse as well where fewer than half of the captions that told it still do, as when captions
    that shall be German are a word or two: the rows are the same, so the captions are the cause.

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
    alike = {WIN_RATE: _opponent(before) == _opponent(after), PERPLEXITY: before.base == after.base}
    for name, old in before.adapter.measures.items():
        new = after.adapter.measures.get(name)
        if old.better is None or not alike.get(name, True):
            continue
        if _is_lost(name, old, new):
            yield Verdict(name, old, new, "worse")
        elif new is not None:
            yield Verdict(name, old, new, _word(old, new))


def _opponent(results: Results) -> tuple[object, ...]:
    """Return what a win rate is against: it can be compared only with one of the same.

    The other side's name is not: it is made for the reader, from the end of a path.
    """
    other = results.other
    writer = None if other.is_data else (results.base, other.sha256)
    return results.judge.get("model"), writer


def _is_lost(name: str, old: Measure, new: Measure | None) -> bool:
    plain = name.rpartition(".")[2]
    return plain.startswith(_TOLD_BY_CAPTIONS) and (new is None or 2 * new.n < old.n)


def _word(old: Measure, new: Measure) -> Word:
    if new.low > old.high:
        return "better" if old.better == "higher" else "worse"
    if new.high < old.low:
        return "worse" if old.better == "higher" else "better"
    return "no clear difference"
