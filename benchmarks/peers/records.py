"""The record of one load in one round: raw samples, and the figures computed from them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple, Self

import numpy as np


class Row(NamedTuple):
    """One request, in seconds from the start of its round; `first_s` for streamed answers."""

    due_s: float
    done_s: float
    first_s: float | None
    completion_tokens: int
    ok: bool


@dataclass(frozen=True)
class RoundRecord:
    """The requests of one load in one round; the window begins after the warm-up.

    `client_cpu_share` is the client's share of one core, None if nothing was sent. `processor_ms`
    is each part's CPU time for one answer, including the warm-up; `memory_bytes` is each part's
    private memory at the end.
    """

    load: str
    round: int
    warmup_s: float
    window_s: float
    rows: Sequence[Row]
    client_cpu_share: float | None = None
    client_limits: Sequence[str] = field(default_factory=list)
    processor_ms: Mapping[str, float] = field(default_factory=dict)
    memory_bytes: Mapping[str, int] = field(default_factory=dict)

    def numbered(self, round_: int) -> Self:
        """Return the record, numbered as another round's."""
        return replace(self, round=round_)

    @property
    def end_s(self) -> float:
        """When the window ends."""
        return self.warmup_s + self.window_s

    @property
    def shares(self) -> list[tuple[Row, float]]:
        """The answers that overlap the window, each with the share of its time within it.

        Answers of a closed loop come in waves, each as large as the number of callers. A count of
        answers completed in the window would be off by up to a wave.
        """
        overlaps = (
            (row, min(row.done_s, self.end_s) - max(row.due_s, self.warmup_s))
            for row in self.rows
            if row.ok
        )
        return [(row, time_s / (row.done_s - row.due_s)) for row, time_s in overlaps if time_s > 0]

    @property
    def due(self) -> list[Row]:
        """The requests that were due within the window, whenever they ended."""
        return [row for row in self.rows if self.warmup_s <= row.due_s < self.end_s]

    @property
    def requests_per_s(self) -> float:
        """Answers a second; an answer partly in the window counts in part."""
        return sum(share for _, share in self.shares) / self.window_s

    @property
    def tokens_per_s(self) -> float:
        """Generated tokens a second, counted likewise."""
        return sum(share * row.completion_tokens for row, share in self.shares) / self.window_s

    @property
    def mean_tokens(self) -> float | None:
        """Generated tokens of one answer."""
        return self.tokens_per_s / self.requests_per_s if self.shares else None

    @property
    def e2e_s(self) -> list[float]:
        """Times of the requests that were due in the window."""
        return [row.done_s - row.due_s for row in self.due if row.ok]

    @property
    def ttft_s(self) -> list[float]:
        """Times to the first text, of streamed answers."""
        return [row.first_s - row.due_s for row in self.due if row.ok and row.first_s is not None]

    @property
    def itl_s(self) -> list[float]:
        """Mean times between two tokens of an answer, of streamed answers."""
        return [
            (row.done_s - row.first_s) / (row.completion_tokens - 1)
            for row in self.due
            if row.ok and row.first_s is not None and row.completion_tokens > 1
        ]

    @property
    def failed(self) -> int:
        """The number of requests due in the window without a complete answer."""
        return sum(not row.ok for row in self.due)


def to_json(record: RoundRecord) -> dict[str, Any]:
    """Return the record as plain values, times rounded to a tenth of a millisecond."""
    rows = [
        [round(value, 4) if isinstance(value, float) else value for value in row]
        for row in record.rows
    ]
    return {**asdict(record), "rows": rows}


def from_json(value: dict[str, Any]) -> RoundRecord:
    """Return what `to_json` wrote."""
    return RoundRecord(**{**value, "rows": [Row(*row) for row in value["rows"]]})


def quantile(values: Sequence[float], share: float) -> float | None:
    """Return a quantile of the values, None without any."""
    return float(np.quantile(values, share)) if values else None
