"""Two sides' captions of the same rows → what the judge says of them, in both orders."""

from collections.abc import Callable, Sequence
from pathlib import Path

from caption_studio.training.evaluation.judge.asking import Judge, JudgeFailed, ask_all
from caption_studio.training.evaluation.judge.journal import Journal
from caption_studio.training.evaluation.judge.question import Question, verdict_of
from caption_studio.training.evaluation.judge.tally import Pair, Tally, tally
from caption_studio.training.rows import Row

JOURNAL_NAME = "judge.jsonl"
_SHOWN_CHARACTERS = 80


def judged(
    judge: Judge,
    folder: Path,
    rows: Sequence[Row],
    mine: Sequence[str],
    theirs: Sequence[str],
    progress: Callable[[str, int, int], None],
) -> Tally:
    """Return the counts; answers are kept in the folder's journal. Equal captions are a tie.

    Raises `JudgeFailed`, also where no answer names a caption, and `EvaluationProblem` where the
    journal cannot be written.
    """
    journal = Journal(folder / JOURNAL_NAME)
    asked = [_in_both_orders(*one) for one in zip(rows, mine, theirs, strict=True)]
    questions = list(dict.fromkeys(question for both in asked for question in both))
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
        sample = " ".join(journal[questions[0].key(judge.model)].split())[:_SHOWN_CHARACTERS]
        raise JudgeFailed(
            f"None of the judge's {len(questions)} answers in {folder / JOURNAL_NAME} names A, B "
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
