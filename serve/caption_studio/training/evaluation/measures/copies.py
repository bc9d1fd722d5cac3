"""Captions and those of training → how much is copied; pure."""

from collections.abc import Iterable, Sequence

from caption_studio.training.evaluation.measures.intervals import Measure, share
from caption_studio.training.evaluation.measures.prose import normalised
from caption_studio.voices.keeping.folding import keys

LONG_RUN = 8
"""So many words in a row, the same in both, are seldom chance."""


class TrainingCaptions:
    """The captions of training, prepared so that copies are found fast."""

    def __init__(self, captions: Iterable[str]) -> None:
        self._whole: set[str] = set()
        self._runs: set[tuple[str, ...]] = set()
        for caption in captions:
            words = keys(caption)
            self._whole.add(" ".join(words))
            self._runs.update(_long_runs(words))

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._whole)

    def holds(self, caption: str) -> bool:
        """Tell whether one of them equals the caption, but for case and signs."""
        text = normalised(caption)
        return bool(text) and text in self._whole

    def shares_run(self, caption: str) -> bool:
        """Tell whether one of them shares a run of `LONG_RUN` words with the caption."""
        return any(run in self._runs for run in _long_runs(keys(caption)))


def copied(captions: Sequence[str], trained: TrainingCaptions) -> Measure:
    """Return the share of captions that equal one of training."""
    return share([trained.holds(caption) for caption in captions], "lower")


def copied_runs(captions: Sequence[str], trained: TrainingCaptions) -> Measure:
    """Return the share of captions that share a long run of words with one of training."""
    return share([trained.shares_run(caption) for caption in captions], "lower")


def _long_runs(words: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [words[start : start + LONG_RUN] for start in range(len(words) - LONG_RUN + 1)]
