"""Several loads, one after the other."""

from typing import Annotated, Literal

from pydantic import Field

from benchmarks.scenario.part import Part, Positive, Share


class CallerSweep(Part):
    """Closed loops, one after the other, each with its number of callers."""

    kind: Literal["callers"] = "callers"
    callers: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = Field(min_length=1)


class RateSweep(Part):
    """Poisson rates from `from_per_s` on, each `factor` times the last, until goodput breaks.

    It breaks when less than `min_good_share` of the requests are good. Then `refine` steps halve
    the distance between the last rate that held and the first that did not. The rate that they find
    must hold for `sustain_s`, and in the last third of that by itself; else 5 % less is tried. The
    reason: a short window can end before a queue has grown.
    """

    kind: Literal["rate"] = "rate"
    from_per_s: Positive
    factor: float = Field(1.5, gt=1.0, le=10.0)
    max_per_s: Positive
    min_good_share: Share = 0.95
    refine: int = Field(2, ge=0, le=8)
    sustain_s: float = Field(60.0, gt=0, le=3600)


Sweep = Annotated[CallerSweep | RateSweep, Field(discriminator="kind")]
