"""Starts a process as vLLM starts its engine's, and waits.

usage: python -m tests.orphans   (prints the number of the process that it has started)
"""

import multiprocessing
import time
from typing import Any

from caption_studio.language.vllm_plugins.parent_watch import end_with_parent

LIFE_S = 300.0


class _Watches:
    """Begins the watch when it is unpickled, which is when vLLM calls its platform plugins."""

    def __reduce__(self) -> tuple[Any, ...]:
        return end_with_parent, ()


def _live(_: None) -> None:
    time.sleep(LIFE_S)


def start() -> int:
    """Start such a process; return its number."""
    process = multiprocessing.get_context("spawn").Process(
        target=_live, args=(_Watches(),), daemon=True
    )
    process.start()
    assert process.pid is not None
    return process.pid


if __name__ == "__main__":
    print(start(), flush=True)
    time.sleep(LIFE_S)
