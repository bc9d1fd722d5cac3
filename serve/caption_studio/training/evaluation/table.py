"""Measures → their words and figures for people; pure."""

from collections.abc import Iterator, Mapping, Sequence

from caption_studio.training.evaluation.compare import Verdict
from caption_studio.training.evaluation.measures.collected import NAMES, OBEYS
from caption_studio.training.evaluation.measures.intervals import Measure
from caption_studio.training.evaluation.results import Results

_TITLES = {
    "perplexity": "perplexity per token of the data's captions",
    "win_rate": "wins against the other side",
    "distinct_1": "different words among all",
    "distinct_2": "different pairs of words among all",
    "repeated": "repeats another caption",
    "copied": "copies a training caption",
    "copied_runs": "shares 8 words in a row with a training caption",
    "empty": "is empty",
    "captions_per_s": "captions a second, in batches, in this process",
    "lone_caption_ms": "milliseconds of a caption alone, in this process",
}
_WHOLE = {f"{NAMES}all": "names all that is known", f"{OBEYS}all": "follows all instructions"}
_NOT_SHARES = frozenset(("perplexity", "captions_per_s", "lone_caption_ms"))
MANNERS = {
    "greedy": "greedy",
    "sampled": "at the service's sampling",
    "written": "as written",
}
"""How captions came to be, by the first part of their measures' names."""


def split_name(name: str) -> tuple[str, str]:
    """Return how the captions of a measure came to be, or nothing, and its plain name."""
    manner, dot, plain = name.partition(".")
    return (manner, plain) if dot else ("", name)


def title(name: str) -> str:
    """Return a measure's name for people."""
    _, plain = split_name(name)
    if plain in _WHOLE:
        return _WHOLE[plain]
    if plain.startswith(NAMES):
        return f"names the {plain.removeprefix(NAMES)}"
    if plain.startswith(OBEYS):
        return f"follows: {plain.removeprefix(OBEYS).replace('_', ' ')}"
    return _TITLES.get(plain, plain)


def full_title(name: str) -> str:
    """Return a measure's name with how its captions came to be."""
    manner, _ = split_name(name)
    return f"{title(name)}, {MANNERS.get(manner, manner)}" if manner else title(name)


def figure(name: str, measure: Measure) -> str:
    """Return a measure with its interval: `95.0 % (91.2 to 97.3)`."""
    _, plain = split_name(name)
    scale, unit, digits = (1, "", _digits(measure)) if plain in _NOT_SHARES else (100, " %", 1)
    value, low, high = (
        f"{scale * number:.{digits}f}" for number in (measure.value, measure.low, measure.high)
    )
    return f"{value}{unit} ({low} to {high})"


def lines_of(results: Results) -> Iterator[str]:
    """Yield the measures as lines of text, each side's beside the other's."""
    yield f"{results.adapter.name} | {results.other.name}"
    for manner, names in by_manner(results.adapter.measures, results.other.measures).items():
        if manner:
            yield f"{MANNERS[manner]}:"
        for name, other_name in names:
            mine = results.adapter.measures.get(name)
            theirs = results.other.measures.get(other_name)
            row = (figure(name, one) if one else "-" for one in (mine, theirs))
            n = (mine or theirs or Measure(0, 0, 0, 0)).n
            yield f"  {title(name)}: {' | '.join(row)}, n {n}"


def by_manner(
    mine: Mapping[str, Measure], theirs: Mapping[str, Measure]
) -> dict[str, list[tuple[str, str]]]:
    """Return the names of measures by the manner of the captions, each with the other side's.

    The data's captions are as written, whatever manner they stand beside.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    written = any(split_name(name)[0] == "written" for name in theirs)
    for name in [*mine, *(n for n in theirs if n not in mine and not n.startswith("written."))]:
        manner, plain = split_name(name)
        other = f"written.{plain}" if manner and written else name
        found.setdefault(manner, []).append((name, other))
    return found


def verdict_lines(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Yield a line for each verdict: the word first, then the measure and its figures."""
    for one in verdicts:
        before = figure(one.name, one.before)
        after = figure(one.name, one.after) if one.after else "-"
        yield f"{one.word}: {full_title(one.name)}: {before} → {after}{_loss(one)}"


def _loss(verdict: Verdict) -> str:
    if not verdict.is_lost:
        return ""
    left = verdict.after.n if verdict.after else 0
    return f", told by {verdict.before.n} captions before and by {left} now"


def _digits(measure: Measure) -> int:
    return 0 if measure.value >= 100 else 1 if measure.value >= 20 else 3
