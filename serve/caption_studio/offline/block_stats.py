"""Ray Data keeps figures of each batch that a stage has done until the run ends; here it does not.

They are some hundred bytes for each batch and stage, and every 5 s all of them are sent to an actor
that shows them: after some hundred thousand pictures this takes more and more time and memory.
"""

from typing import Any

from ray.data._internal.execution.execution_callback import ExecutionCallback


class DropBlockStats(ExecutionCallback):  # type: ignore[misc]  # Ray is followed by no types
    """Drops the figures of single batches at each step of the execution; the sums stay."""

    def on_execution_step(self, executor: Any) -> None:
        """See Ray's `ExecutionCallback`."""
        for operator in executor._topology:
            stats = getattr(operator, "_output_blocks_stats", None)
            if stats:
                stats.clear()
