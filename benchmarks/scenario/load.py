"""When the requests are sent."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from benchmarks.scenario.part import Part, Positive


class Closed(Part):
    """A closed loop of callers, each of which waits for its answer before it asks again."""

    kind: Literal["closed"] = "closed"
    concurrency: int = Field(8, ge=1, le=4096)


class Constant(Part):
    """An open loop of requests at even intervals."""

    kind: Literal["constant"] = "constant"
    rate_per_s: Positive


class Poisson(Part):
    """An open loop of independent callers."""

    kind: Literal["poisson"] = "poisson"
    rate_per_s: Positive


class Gamma(Part):
    """Requests in bursts: `gap_cv` 1 is Poisson, more is burstier."""

    kind: Literal["gamma"] = "gamma"
    rate_per_s: Positive
    gap_cv: Positive


class Ramp(Part):
    """Poisson requests whose rate changes linearly over the measured time."""

    kind: Literal["ramp"] = "ramp"
    from_per_s: Positive
    to_per_s: Positive


class Replay(Part):
    """Send times from a file, whose forms `workload.traces` names.

    A relative path starts at the YAML's folder.
    """

    kind: Literal["replay"] = "replay"
    trace: Path
    speed: Positive = 1.0


Open = Constant | Poisson | Gamma | Ramp | Replay
Load = Annotated[Closed | Open, Field(discriminator="kind")]
