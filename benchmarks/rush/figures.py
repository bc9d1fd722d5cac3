"""Ends of requests → completions in each window, rates, failures; pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

WINDOW_S = 5.0


@dataclass(frozen=True)
class Ending:
    """One request's end, `ended_s` after the round's start, after `retries` of the client.

    `outcome` is `ok`, `http_429` and the like, or the name of the client's exception.
    """

    ended_s: float
    retries: int
    outcome: str


@dataclass(frozen=True)
class Rush:
    """Figures of a rush and of the closed loop before it."""

    requests: int
    answered: int
    outcomes: dict[str, int]
    answered_after_retries: dict[str, int]
    completions_per_window: list[int]
    last_answer_s: float
    last_ending_s: float
    per_s: float
    closed_per_s: float
    closed_refused: int
    client_late_s: float

    @property
    def of_closed(self) -> float:
        """The rush's rate, as a share of the closed loop's."""
        return self.per_s / self.closed_per_s if self.closed_per_s else 0.0


def windows(endings: Sequence[Ending], window_s: float = WINDOW_S) -> list[int]:
    """Return the answers in each window, up to the last of them."""
    ends_s = [ending.ended_s for ending in endings if ending.outcome == "ok"]
    counts = [0] * (int(max(ends_s) / window_s) + 1) if ends_s else []
    for end_s in ends_s:
        counts[int(end_s / window_s)] += 1
    return counts


def rate(endings: Sequence[Ending], from_s: float, to_s: float) -> float:
    """Return the answers a second between two times."""
    count = sum(one.outcome == "ok" and from_s <= one.ended_s < to_s for one in endings)
    return count / (to_s - from_s)


def summary(
    rush: Sequence[Ending], closed_per_s: float, closed_refused: int, client_late_s: float
) -> Rush:
    """Return the figures of a rush; its rate is over the time to its last answer."""
    answers = [one for one in rush if one.outcome == "ok"]
    last_s = max((one.ended_s for one in answers), default=0.0)
    retries = Counter(one.retries for one in answers)
    return Rush(
        requests=len(rush),
        answered=len(answers),
        outcomes=dict(Counter(one.outcome for one in rush)),
        answered_after_retries={str(count): retries[count] for count in sorted(retries)},
        completions_per_window=windows(rush),
        last_answer_s=last_s,
        last_ending_s=max((one.ended_s for one in rush), default=0.0),
        per_s=len(answers) / last_s if last_s else 0.0,
        closed_per_s=closed_per_s,
        closed_refused=closed_refused,
        client_late_s=client_late_s,
    )
