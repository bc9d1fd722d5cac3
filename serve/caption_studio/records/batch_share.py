"""What an engine gives to requests of class `batch`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchShare:
    """Places of batches in one engine, beside those of requests online; 0 knows no classes.

    So nobody online ever waits for a place that a batch holds. Where both wait, the order is that
    of their arrival, but a request of a batch counts as one that came `patience_s` later: it never
    starves.
    """

    places: int
    patience_s: float


NO_BATCHES = BatchShare(0, 0.0)
