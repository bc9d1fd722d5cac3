"""How far a stage may be ahead of the next one, in batches.

Ray Data's own backpressure counts bytes, and only once half of the object store is in use. A
description is a hundred bytes: the describers would be done with a million pictures before the
captioners are with a tenth, and a kill would lose all that is between them.
"""

from typing import Any

from ray.data import DataContext
from ray.data._internal.execution.backpressure_policy import (
    ENABLED_BACKPRESSURE_POLICIES,
    ENABLED_BACKPRESSURE_POLICIES_CONFIG_KEY,
)
from ray.data._internal.execution.backpressure_policy.backpressure_policy import BackpressurePolicy

_AHEAD = "caption_studio.batches_ahead"


class RowsAhead(BackpressurePolicy):  # type: ignore[misc]  # Ray is followed by no types
    """Gives a stage no further batch while enough of them wait for the next stage."""

    def __init__(self, data_context: DataContext, topology: Any, resource_manager: Any) -> None:
        super().__init__(data_context, topology, resource_manager)
        self._states = topology
        self._most: int = data_context.get_config(_AHEAD)

    def can_add_input(self, op: Any) -> bool:
        """See Ray's `BackpressurePolicy`."""
        waiting = (
            self._states[after].total_enqueued_input_blocks() for after in op.output_dependencies
        )
        return all(batches < self._most for batches in waiting)


def limit_rows_ahead(context: DataContext, batches: int) -> None:
    """Let at most about so many batches wait for each stage, beside Ray Data's own limits."""
    context.set_config(_AHEAD, batches)
    policies = [*ENABLED_BACKPRESSURE_POLICIES, RowsAhead]
    context.set_config(ENABLED_BACKPRESSURE_POLICIES_CONFIG_KEY, policies)
