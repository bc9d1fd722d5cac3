"""Calls us when vLLM's output processing has taken a request, before its first token.

Private in vLLM 0.32: `OutputProcessor.add_request` and `request_states`.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any


class AddedRequests:
    """Passes on what an `AsyncLLM` keeps of each sequence (`RequestState`) as it is added.

    `processor` is its `output_processor`; `each` is called for every sequence.
    """

    def __init__(self, processor: Any, each: Callable[[Any], None]) -> None:
        self._each = each
        self._waiting: dict[str, Callable[[Any], None]] = {}
        self._states = processor.request_states
        self._add = processor.add_request
        processor.add_request = self._add_and_tell

    @contextmanager
    def told(self, request_id: str, tell: Callable[[Any], None]) -> Generator[None]:
        """Call `tell` for each sequence added under this id while the context is open."""
        self._waiting[request_id] = tell
        try:
            yield
        finally:
            del self._waiting[request_id]

    def _add_and_tell(self, request: Any, *args: Any, **kwargs: Any) -> None:
        self._add(request, *args, **kwargs)
        state = self._states[request.request_id]
        self._each(state)
        if tell := self._waiting.get(request.external_req_id):
            tell(state)
