"""Import large libraries without Python's garbage collection, which finds nothing to free in them.

Imports make hundreds of thousands of objects that stay, and each full collection goes over all of
them again: a seventh of the processor time of importing vLLM (`benchmarks/results/starts.json`).
"""

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def no_collections() -> Generator[None]:
    """Collect no garbage meanwhile, in this whole process."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
