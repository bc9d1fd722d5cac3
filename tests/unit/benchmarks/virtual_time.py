"""An event loop whose clock jumps to the next timer: seconds cost nothing and are exact."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any


class _Selector(selectors.DefaultSelector):
    """Skips the time that it is asked to wait."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is not None and timeout > 0:
            self.now_s += timeout
        return super().select(0)


class VirtualTime:
    """Runs coroutines; `now` is the time that they see."""

    def __init__(self) -> None:
        self._selector = _Selector()
        self._loop = asyncio.SelectorEventLoop(self._selector)
        self._loop.time = self.now  # type: ignore[method-assign]

    def now(self) -> float:
        return self._selector.now_s

    def block(self, time_s: float) -> None:
        """Let time pass without the loop running, as a busy processor does."""
        self._selector.now_s += time_s

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        try:
            self._loop.run_until_complete(coroutine)
        finally:
            self._loop.close()
