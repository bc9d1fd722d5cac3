"""A stage may be so far ahead of the next one, and no further."""

from dataclasses import dataclass, field
from typing import Any

from ray.data._internal.execution.backpressure_policy import (
    ENABLED_BACKPRESSURE_POLICIES,
    ENABLED_BACKPRESSURE_POLICIES_CONFIG_KEY,
)

from caption_studio.offline.rows_ahead import RowsAhead, limit_rows_ahead


class Context:
    """Keeps named values, as Ray Data's context does, which warns of its own defaults."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def set_config(self, key: str, value: Any) -> None:
        self.values[key] = value

    def get_config(self, key: str, default: Any = None) -> Any:
        return self.values.get(key, default)


@dataclass(eq=False)
class Operator:
    output_dependencies: list[Any] = field(default_factory=list)


@dataclass
class State:
    batches: int = 0

    def total_enqueued_input_blocks(self) -> int:
        return self.batches


def test_a_stage_waits_while_enough_batches_wait_for_the_next() -> None:
    context = Context()
    limit_rows_ahead(context, 3)
    last = Operator()
    first = Operator([last])
    states = {first: State(), last: State(2)}
    policy = RowsAhead(context, states, None)
    assert policy.can_add_input(first)
    states[last].batches = 3
    assert not policy.can_add_input(first)
    assert policy.can_add_input(last)


def test_rays_own_rules_stay() -> None:
    context = Context()
    limit_rows_ahead(context, 3)
    rules = context.values[ENABLED_BACKPRESSURE_POLICIES_CONFIG_KEY]
    assert rules == [*ENABLED_BACKPRESSURE_POLICIES, RowsAhead]
