"""Samples as a perfect client would have taken them."""

from typing import Any

from benchmarks.load.sample import Outcome, Sample
from benchmarks.scenario import Closed, Requests, Scenario, Text


def answered(due_s: float, e2e_s: float, **others: Any) -> Sample:
    values = {"model": "", "streamed": False, "captions": 1, "completion_tokens": 10} | others
    return Sample(
        index=0,
        scheduled_s=due_s,
        outcome=Outcome.OK,
        status=200,
        sent_s=due_s,
        done_s=due_s + e2e_s,
        **values,
    )


def failed(due_s: float, outcome: Outcome) -> Sample:
    return Sample(0, due_s, "", False, outcome=outcome, sent_s=due_s, done_s=due_s + 0.001)


def scenario(**changes: Any) -> Scenario:
    values = {
        "name": "test",
        "requests": Requests(text=Text()),
        "load": Closed(concurrency=1),
        "warmup_s": 10.0,
        "duration_s": 100.0,
    }
    return Scenario(**(values | changes))
