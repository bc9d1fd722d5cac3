"""The load of a stage, as it reports it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """A histogram: `counts` has one number for each of the upper `bounds`.

    One more counts the values above them all; `total` is the sum of the values.
    """

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float


@dataclass(frozen=True, slots=True)
class DescriberLoad:
    """The current load of a describer, and the sizes of its batches so far.

    `rows` is the number of pictures being described, `steps` their number per decode step, `joins`
    the number of pictures per pass of the image encoder.
    """

    rows: int
    waiting: int
    steps: Counts
    joins: Counts


@dataclass(frozen=True, slots=True)
class CaptionerLoad:
    """The load of a captioner's engine now; `token_gaps` are seconds between a stream's tokens.

    `waiting` are sequences that the engine has, `batch_waiting` prompts of batches before it.
    """

    running: int
    waiting: int
    batch_waiting: int
    kv_cache_ratio: float
    token_gaps: Counts
