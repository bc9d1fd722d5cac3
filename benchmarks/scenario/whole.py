"""A whole scenario: its requests, their load, and the limits of a good answer."""

from typing import Self

from pydantic import Field, model_validator

from benchmarks.scenario.load import Closed, Load
from benchmarks.scenario.part import Part, Positive
from benchmarks.scenario.requests import Requests
from benchmarks.scenario.sweep import RateSweep, Sweep


class Limits(Part):
    """The limits that a good answer keeps; a null limit does not apply."""

    e2e_s: Positive | None = None
    ttft_s: Positive | None = None
    itl_s: Positive | None = None


class Scenario(Part):
    """A whole run. Each repeat: a warm-up of `warmup_s`, then `duration_s` that are measured.

    A sweep repeats all of it with its own loads.
    """

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    about: str = ""
    requests: Requests
    load: Load = Closed()
    sweep: Sweep | None = None
    limits: Limits = Limits()
    warmup_s: float = Field(5.0, ge=0, le=3600)
    duration_s: float = Field(20.0, gt=0, le=3600)
    repeats: int = Field(1, ge=1, le=100)
    max_requests: int = Field(20000, ge=1, le=1_000_000)
    max_in_flight: int = Field(1024, ge=1, le=16384)
    timeout_s: Positive = 60.0
    processes: int = Field(1, ge=1, le=64)
    seed: int = Field(1, ge=0)

    @model_validator(mode="after")
    def _sweep_can_break(self) -> Self:
        if isinstance(self.sweep, RateSweep) and self.limits == Limits():
            raise ValueError("a sweep of rates needs limits: without them all answers are good")
        return self
