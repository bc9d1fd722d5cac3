"""Captions, their rows and those of training → every measure of them by name; pure."""

from collections.abc import Mapping, Sequence

from caption_studio.training.evaluation.measures.copies import (
    TrainingCaptions,
    copied,
    copied_runs,
)
from caption_studio.training.evaluation.measures.diversity import distinct, repeated
from caption_studio.training.evaluation.measures.facts import named
from caption_studio.training.evaluation.measures.intervals import Measure, share
from caption_studio.training.evaluation.measures.obedience import obeyed
from caption_studio.training.rows import FACTS, Row

NAMES, OBEYS, ALL = "names_", "obeys_", "all"


def checks(row: Row, caption: str) -> dict[str, bool]:
    """Tell what the caption names of its row's facts, and what it obeys of its request."""
    found: dict[str, bool] = {}
    for prefix, held in (
        (NAMES, named(caption, row.facts)),
        (OBEYS, obeyed(caption, row.request)),
    ):
        found |= {f"{prefix}{name}": value for name, value in held.items()}
        if held:
            found[f"{prefix}{ALL}"] = all(held.values())
    return found


def caption_measures(
    rows: Sequence[Row], captions: Sequence[str], trained: TrainingCaptions
) -> dict[str, Measure]:
    """Return all measures that these captions, one of each row, have samples for."""
    held: dict[str, list[bool]] = {}
    for row, caption in zip(rows, captions, strict=True):
        for name, value in checks(row, caption).items():
            held.setdefault(name, []).append(value)
    found = {name: share(held[name]) for name in sorted(held, key=_place)}
    for size in (1, 2):
        if (measure := distinct(captions, size)) is not None:
            found[f"distinct_{size}"] = measure
    found["repeated"] = repeated(captions)
    if trained:
        found["copied"] = copied(captions, trained)
        found["copied_runs"] = copied_runs(captions, trained)
    found["empty"] = share([not caption.strip() for caption in captions], "lower")
    return found


def left_out(measures: Mapping[str, object], trained: TrainingCaptions) -> dict[str, str]:
    """Return why measures are missing, by their names."""
    reasons = {
        f"{NAMES}{fact}": f"no row's facts have a {fact}"
        for fact in FACTS
        if f"{NAMES}{fact}" not in measures
    }
    if not any(name.startswith(OBEYS) for name in measures):
        reasons[f"{OBEYS}{ALL}"] = "no row's request holds an instruction that can be checked"
    if "distinct_2" not in measures:
        reasons["distinct_2"] = "no caption has two words"
    if not trained:
        reasons["copied"] = "the data set has no rows of the split train"
    return reasons


def _place(name: str) -> tuple[bool, bool, int, str]:
    """Order facts before instructions, each with the whole first."""
    of_facts = name.startswith(NAMES)
    plain = name.removeprefix(NAMES).removeprefix(OBEYS)
    known = FACTS.index(plain) if of_facts and plain in FACTS else 0
    return not of_facts, plain != ALL, known, name
