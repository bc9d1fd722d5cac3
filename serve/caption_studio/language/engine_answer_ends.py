"""Makes vLLM's output processing end a request where the caller's part of the answer ends.

vLLM knows stop words, but neither the end of a caption nor stop words that count only inside it.
Without this module each token would have to leave vLLM and wake the request's task to be checked.
Private in vLLM 0.32: `OutputProcessor.add_request` and `request_states`,
`RequestState.detokenizer` with `output_text` and `update`, whose result ends the request. This
module can go when vLLM takes a function as a stop condition.
"""

import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Protocol


class End(Protocol):
    """Watches the text of one sequence for its end."""

    def feed(self, text: str) -> bool:
        """Take the next piece; return whether the sequence has ended."""


class AnswerEnds:
    """Ends the requests of an `AsyncLLM` for which an `End` is given.

    `processor` is its `output_processor`.
    """

    def __init__(self, processor: Any) -> None:
        self._makers: dict[str, Callable[[], End]] = {}
        self._states = processor.request_states
        self._add = processor.add_request
        processor.add_request = self._add_with_end

    @contextmanager
    def given(self, request_id: str, make_end: Callable[[], End]) -> Generator[None]:
        """Watch the sequences of requests added under this id while the context is open."""
        self._makers[request_id] = make_end
        try:
            yield
        finally:
            del self._makers[request_id]

    def _add_with_end(self, request: Any, *args: Any, **kwargs: Any) -> None:
        self._add(request, *args, **kwargs)
        if make_end := self._makers.get(request.external_req_id):
            _watch(self._states[request.request_id].detokenizer, make_end())


def _watch(detokenizer: Any, end: End) -> None:
    update = type(detokenizer).update
    itself = weakref.ref(detokenizer)  # a reference cycle would wait for the garbage collector

    def watched(new_token_ids: list[int], stop_terminated: bool) -> str | None:
        this: Any = itself()
        before = len(this.output_text)
        stop_word: str | None = update(this, new_token_ids, stop_terminated)
        has_ended = end.feed(this.output_text[before:])
        return stop_word or ("the answer's end" if has_ended else None)

    detokenizer.update = watched
