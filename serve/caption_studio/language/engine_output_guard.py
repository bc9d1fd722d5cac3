"""Keeps one request's failure in vLLM's output processing from failing the others.

vLLM turns the tokens of a step into text in one loop over all requests. An exception for one of
them (from its detokenizer, stop words or log probabilities) fails all of them and ends the task
that reads the engine's outputs, and so the engine. Private in vLLM 0.32:
`OutputProcessor.process_outputs` and `request_states`, `RequestState.queue`. This module can go
when vLLM contains such failures itself.
"""

import logging
from collections.abc import Iterable, Iterator
from typing import Any

logger = logging.getLogger(__name__)


def contain(processor: Any) -> None:
    """Make an `AsyncLLM`'s output processor pass an exception to the request that caused it.

    That request's `generate` then raises it and aborts the request.
    """
    process = processor.process_outputs

    def process_each(outputs: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
        left = _Noting(outputs)
        while True:  # each time one output fewer
            left.last_id = None
            try:
                return process(left, *args, **kwargs)
            except Exception as error:  # anything: vLLM's and the tokenizer's code ran
                state = processor.request_states.get(left.last_id)
                if state is None or state.queue is None:
                    raise  # the failure belongs to no request
                logger.warning("an output could not be processed", exc_info=error)
                state.queue.put(error)

    processor.process_outputs = process_each


class _Noting:
    """Iterates over outputs once, across several loops; `last_id` is the last one's request."""

    def __init__(self, outputs: Iterable[Any]) -> None:
        self._left = iter(outputs)
        self.last_id: str | None = None

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        output = next(self._left)
        self.last_id = output.request_id
        return output
