"""Verdicts in both orders → win rate, position bias and counts; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from caption_studio.training.evaluation.judge.question import Verdict
from caption_studio.training.evaluation.measures.intervals import Measure, proportion, share

Pair = tuple[Verdict | None, Verdict | None]
"""What was said with mine shown first, then with mine shown second; None: neither A, B nor tie."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of pairs of captions.

    `wins` and `losses` are those that the judge decided alike in both orders. `ties` are all other
    pairs with two readable answers. `unreadable` are pairs with an answer that names no caption.
    `first_shown` is the share of decided answers for the caption shown first; without position bias
    it is a half.
    """

    wins: int
    ties: int
    losses: int
    unreadable: int
    first_shown: Measure | None

    @property
    def win_rate(self) -> Measure | None:
        """Wins and half of the ties among readable pairs; None if there are none."""
        readable = self.wins + self.ties + self.losses
        if not readable:
            return None
        return proportion(self.wins + self.ties / 2, readable)


def tally(pairs: Sequence[Pair]) -> Tally:
    """Count the verdicts."""
    wins = sum(pair == ("first", "second") for pair in pairs)
    losses = sum(pair == ("second", "first") for pair in pairs)
    unreadable = sum(None in pair for pair in pairs)
    decided = [verdict for pair in pairs for verdict in pair if verdict in ("first", "second")]
    first_shown = share([verdict == "first" for verdict in decided], None) if decided else None
    return Tally(wins, len(pairs) - wins - losses - unreadable, losses, unreadable, first_shown)
