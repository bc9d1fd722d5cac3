"""What a run costs: replicas held, and deadlines missed, at one price.

The price was set before any policy was compared, and is not tuned.
"""

from dataclasses import dataclass

DEADLINE_S = 5.0
"""From a request's arrival to its whole answer: five times what a full engine pair takes. A refusal
misses it, too."""

CAPTIONS_PER_MISS = 20.0
"""A missed deadline costs as much as the replicas for so many captions at their full rate.

So with one missed in a hundred the bill of a service without idle replicas grows by a fifth, with
five in a hundred it doubles. That is about what operators say when they ask for 99 % in time: one
more percent is worth a fifth more machines, not ten times as many.
"""

GATEWAY_SHARE = 0.1
"""Price of a gateway's second, where a describer's and a captioner's are 1: it has no GPU."""


@dataclass(frozen=True)
class Bill:
    """One run's cost in replica-seconds."""

    replica_s: float
    missed: int
    requests: int
    caption_s: float
    """Replica-seconds of one caption at full rate, all stages."""

    @property
    def missed_share(self) -> float:
        """Return the share of the requests that missed their deadline."""
        return self.missed / self.requests

    @property
    def total_s(self) -> float:
        """Return the cost, misses included."""
        return self.replica_s + self.missed * CAPTIONS_PER_MISS * self.caption_s
