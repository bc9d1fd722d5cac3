"""Hands over each of a request's outputs by itself, also to a reader that is late.

vLLM joins the outputs that nobody has fetched yet. Who must know after which token a text came
cannot use a joined one. Private in vLLM 0.32: `RequestState.queue`, a `RequestOutputCollector` with
`output`, `put`, `get` and `get_nowait`.
"""

from collections import deque
from typing import Any

from vllm.v1.engine.output_processor import RequestOutputCollector


def keep_apart(state: Any) -> None:
    """Let vLLM join no outputs of this `RequestState`; choices of one request share a queue."""
    if not isinstance(state.queue, _Apart):
        state.queue.__class__ = _Apart
        state.queue.later = deque()


class _Apart(RequestOutputCollector):  # type: ignore[misc]
    later: deque[Any]

    def put(self, output: Any) -> None:
        if self.output is None or isinstance(output, Exception):
            super().put(output)
        else:
            self.later.append(output)

    async def get(self) -> Any:
        return self._then_next(await super().get())

    def get_nowait(self) -> Any:
        return self._then_next(super().get_nowait())

    def _then_next(self, output: Any) -> Any:
        if self.later and self.output is None:
            super().put(self.later.popleft())
        return output
