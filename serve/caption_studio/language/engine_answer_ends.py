"""vLLM's output processing, in which an answer ends where what its caller gets of it ends.

vLLM knows stop words, and not where a caption ends or which words are looked for in the caption
alone. Without this each token would have to come out of vLLM, waking the request's task, to find
out. Private in vLLM 0.32: `OutputProcessor.add_request` and `request_states`,
`RequestState.detokenizer` with `output_text` and `update`, whose result ends the request. It can go
when vLLM takes a function as a stop condition.
"""

import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Protocol


class End(Protocol):
    """Watches the text of one sequence for its end."""

    def feed(self, text: str) -> bool:
        """Take the next piece; say whether the sequence has ended by now."""


class AnswerEnds:
    """Ends the requests of an `AsyncLLM` whose ends are given; `processor` is its output's."""

    def __init__(self, processor: Any) -> None:
        self._makers: dict[str, Callable[[], End]] = {}
        self._states = processor.request_states
        self._add = processor.add_request
        processor.add_request = self._add_with_end

    @contextmanager
    def given(self, request_id: str, make_end: Callable[[], End]) -> Generator[None]:
        """End the sequences of the requests that are added meanwhile under this id."""
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
