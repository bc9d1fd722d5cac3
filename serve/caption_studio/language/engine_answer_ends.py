"""Makes vLLM's output processing end a request where the caller's part of the answer ends.

vLLM knows stop words, but neither the end of a caption nor stop words that count only inside it.
Without this module each token would have to leave vLLM and wake the request's task to be checked.
Private in vLLM 0.32: `RequestState.detokenizer` with `output_text` and `update`, whose result ends
the request. This module can go when vLLM takes a function as a stop condition.
"""

import weakref
from typing import Any, Protocol


class End(Protocol):
    """Watches the text of one sequence for its end."""

    def feed(self, text: str) -> bool:
        """Take the next piece; return whether the sequence has ended."""


def end_at(state: Any, end: End) -> None:
    """End the sequence of this `RequestState` where `end` says so."""
    detokenizer = state.detokenizer
    update = type(detokenizer).update
    itself = weakref.ref(detokenizer)  # a reference cycle would wait for the garbage collector

    def watched(new_token_ids: list[int], stop_terminated: bool) -> str | None:
        this: Any = itself()
        before = len(this.output_text)
        stop_word: str | None = update(this, new_token_ids, stop_terminated)
        has_ended = end.feed(this.output_text[before:])
        return stop_word or ("the answer's end" if has_ended else None)

    detokenizer.update = watched
