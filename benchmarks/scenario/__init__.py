"""A scenario's YAML as strict models: its requests, their load, and limits of a good answer.

Names contain the units. A misspelt field is refused by name.
"""

from benchmarks.scenario.load import Closed, Constant, Gamma, Load, Open, Poisson, Ramp, Replay
from benchmarks.scenario.prompts import (
    ExactTokens,
    PromptKind,
    RandomTokens,
    ShareGPT,
    TokenIds,
    TokenRange,
    TraceTokens,
)
from benchmarks.scenario.reading import SCENARIOS, read_scenario
from benchmarks.scenario.requests import ModelShare, PictureKind, Pictures, Requests, Text
from benchmarks.scenario.sweep import CallerSweep, RateSweep, Sweep
from benchmarks.scenario.whole import Limits, Scenario

__all__ = [
    "SCENARIOS",
    "CallerSweep",
    "Closed",
    "Constant",
    "ExactTokens",
    "Gamma",
    "Limits",
    "Load",
    "ModelShare",
    "Open",
    "PictureKind",
    "Pictures",
    "Poisson",
    "PromptKind",
    "Ramp",
    "RandomTokens",
    "RateSweep",
    "Replay",
    "Requests",
    "Scenario",
    "ShareGPT",
    "Sweep",
    "Text",
    "TokenIds",
    "TokenRange",
    "TraceTokens",
    "read_scenario",
]
