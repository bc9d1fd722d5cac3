"""Keeps one request's failure in vLLM's output processing from failing the others.

vLLM turns the tokens of a step into text in one loop over all requests. An exception for one of
them (from its detokenizer, stop words or log probabilities) fails all of them and ends the task
that reads the engine's outputs, and so the engine. Private in vLLM 0.32:
`OutputProcessor.process_outputs` and `request_states`, `RequestState.queue`. This module can go
when vLLM contains such failures itself.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

logger = logging.getLogger(__name__)


def contain(processor: Any) -> None:
    """Make an `AsyncLLM`'s output processor pass an exception to the request that caused it.

    That request's `generate` then raises it and aborts the request.
    """
    process = processor.process_outputs

    def process_each(outputs: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
        left = _Noting(outputs, processor.request_states)
        to_abort: list[str] = []
        while True:  # each time one output fewer
            left.live.clear()
            try:
                processed = process(left, *args, **kwargs)
            except Exception as error:  # anything: vLLM's and the tokenizer's code ran
                last_id = left.live[-1].request_id if left.live else None
                state = processor.request_states.get(last_id)
                if state is None or state.queue is None:
                    raise  # the failure belongs to no request
                logger.warning("an output could not be processed", exc_info=error)
                state.queue.put(error)
                to_abort += left.ended_by_their_text()
            else:
                processed.reqs_to_abort.extend(to_abort)
                return processed

    processor.process_outputs = process_each


class _Noting:
    """Iterates over outputs once, across several loops; `live` are those of requests that exist."""

    def __init__(self, outputs: Iterable[Any], states: Mapping[str, Any]) -> None:
        self._left = iter(outputs)
        self._states = states
        self.live: list[Any] = []

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        output = next(self._left)
        if output.request_id in self._states:
            self.live.append(output)
        return output

    def ended_by_their_text(self) -> list[str]:
        """Return the requests that their text has ended; the engine still runs them."""
        return [
            output.request_id
            for output in self.live
            if output.request_id not in self._states and not output.finished
        ]
