"""What docs/upstream.md lists of TRL is still there, in the form that we need."""

import inspect

import pytest
from trl import SFTTrainer

from tests.upstream.forms import has_attributes
from tests.upstream.listed import names


@pytest.mark.parametrize("name", names("TRL"))
def test_trl_still_has(name: str) -> None:
    class_, _, attribute = name.partition(".")
    has_attributes(f"trl.{class_}", attribute)


def test_a_training_is_reported_by_that_method_alone() -> None:
    calls = [
        name
        for kind in SFTTrainer.__mro__
        if kind.__module__.startswith("trl")
        for name, member in vars(kind).items()
        if inspect.isfunction(member) and "send_telemetry(" in inspect.getsource(member)
    ]
    assert sorted(calls) == ["__init__", "_send_telemetry"]
