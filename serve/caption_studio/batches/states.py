"""The records of a batch → its state; pure."""

from dataclasses import dataclass

from caption_studio.batches.records import (
    BatchRequest,
    BatchStatus,
    Cancelled,
    Counts,
    Ended,
    Validated,
)

NONE = Counts()


@dataclass(frozen=True, slots=True)
class BatchState:
    """A batch as its records say. Each record is written once, in this order.

    `counts` are those of the journal. A batch may be cancelled before it is validated.
    """

    request: BatchRequest
    validated: Validated | None = None
    cancelled: Cancelled | None = None
    ended: Ended | None = None
    journal: Counts = NONE

    @property
    def status(self) -> BatchStatus:
        """The status, in OpenAI's words."""
        if self.ended is not None:
            return self.ended.status
        if self.cancelled is not None:
            return "cancelling"
        if self.validated is None or self.validated.errors:
            return "validating"
        done = self.journal.completed + self.journal.failed
        return "finalizing" if done >= self.validated.total else "in_progress"

    @property
    def total(self) -> int:
        """How many requests there are; 0 until they are counted."""
        return 0 if self.validated is None else self.validated.total

    @property
    def counts(self) -> Counts:
        """How many requests are answered: of an ended batch exactly, before about."""
        if self.ended is not None:
            return Counts(self.ended.completed, self.ended.failed)
        completed = min(self.journal.completed, self.total)
        return Counts(completed, min(self.journal.failed, self.total - completed))

    def is_over(self, now_s: float) -> bool:
        """Return whether no further request may be begun."""
        is_late = now_s >= self.request.expires_at
        return self.ended is not None or self.cancelled is not None or is_late
