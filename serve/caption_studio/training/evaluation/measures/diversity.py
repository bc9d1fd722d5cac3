"""Captions → how much they differ from one another; pure."""

from collections import Counter
from collections.abc import Sequence

from caption_studio.training.evaluation.measures.intervals import Measure, jackknifed, share
from caption_studio.training.evaluation.measures.prose import normalised
from caption_studio.voices.keeping.folding import keys


def distinct(captions: Sequence[str], size: int) -> Measure | None:
    """Return how many of all runs of `size` words are different (distinct-n, Li et al. 2016).

    It falls with the number of captions: only sets of one size can be compared. None: there is no
    such run.
    """
    runs = [_runs(caption, size) for caption in captions]
    total = Counter(run for of_one in runs for run in of_one)
    if not total:
        return None
    everything, different = sum(total.values()), len(total)
    without_one = []
    for of_one in runs:
        own = Counter(of_one)
        only_here = sum(total[run] == count for run, count in own.items())
        if everything > len(of_one):
            without_one.append((different - only_here) / (everything - len(of_one)))
    return jackknifed(different / everything, without_one, len(captions), "higher")


def repeated(captions: Sequence[str]) -> Measure:
    """Return the share of captions that another before them equals, but for case and signs."""
    seen: set[str] = set()
    again = []
    for caption in captions:
        text = normalised(caption)
        again.append(text in seen)
        seen.add(text)
    return share(again, "lower")


def _runs(caption: str, size: int) -> list[tuple[str, ...]]:
    words = keys(caption)
    return [words[start : start + size] for start in range(len(words) - size + 1)]
