"""The record of one request."""

from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """How a request ended. All but `OK` are failures, which count in no latency."""

    OK = "ok"
    CONNECT = "connect"  # no connection
    TIMEOUT = "timeout"  # not finished `timeout_s` after the time it was due
    DISCONNECT = "disconnect"  # the connection ended before the answer did
    HTTP_429 = "http_429"
    HTTP_4XX = "http_4xx"
    HTTP_5XX = "http_5xx"
    STREAM_ERROR = "stream_error"  # an error event after 200, or a stream without its end
    MALFORMED = "malformed"  # not HTTP, another status, not JSON, no choices
    CANCELLED = "cancelled"  # the run was stopped before it ended


@dataclass(slots=True)
class Sample:
    """One request. Times are seconds from the start of the round.

    `scheduled_s`: it was due (closed loop: its caller was free). `sent_s`: it was written to the
    socket. `first_s` and `last_s`: the first and last piece of text arrived (a whole answer has no
    `first_s`). `done_s`: the answer was complete. `chunk_gaps_s` are the times between a stream's
    pieces of text.
    """

    index: int
    scheduled_s: float
    model: str
    streamed: bool
    outcome: Outcome = Outcome.CANCELLED
    status: int | None = None
    sent_s: float | None = None
    first_s: float | None = None
    last_s: float | None = None
    done_s: float = 0.0
    chunk_gaps_s: tuple[float, ...] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0
    captions: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    stage_times_s: dict[str, float] = field(default_factory=dict)
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether the whole answer came."""
        return self.outcome is Outcome.OK

    @property
    def e2e_s(self) -> float:
        """E2E latency from the time the request was due: a late send counts."""
        return self.done_s - self.scheduled_s

    @property
    def ttft_s(self) -> float | None:
        """Time to the first piece of text, of a streamed answer."""
        return None if self.first_s is None else self.first_s - self.scheduled_s

    @property
    def itl_s(self) -> float | None:
        """Mean time between the tokens of one caption, of a streamed answer of two or more.

        `(last piece - first piece) / (tokens - 1)`: servers may send tokens in groups, so
        the gaps between pieces say less.
        """
        if self.first_s is None or self.last_s is None or not self.captions:
            return None
        tokens = self.completion_tokens / self.captions
        return (self.last_s - self.first_s) / (tokens - 1) if tokens >= 2 else None
