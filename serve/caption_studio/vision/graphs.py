"""A pass of fixed sizes, recorded once and replayed: no Python runs between a GPU's kernels.

A recorded pass reads and writes the same tensors each time. It runs at the smallest recorded size
that holds the requested rows; its results for rows beyond them are never read.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch

Record = Callable[[Callable[[], None]], Callable[[], None]]
"""Takes a function that only queues work on the device; returns one that queues it again."""


def recorded_sizes(most: int) -> list[int]:
    """Return 1, 2, 4, the multiples of 8 and `most`: above 8 rows less than half is padding."""
    return [*(size for size in (1, 2, 4) if size < most), *range(8, most, 8), most]


class Replays:
    """`run(size)`, recorded at each of `recorded_sizes(most)`."""

    def __init__(self, run: Callable[[int], None], *, most: int, record: Record) -> None:
        # The largest first: the others reuse its memory.
        self._by_size = [(s, record(partial(run, s))) for s in reversed(recorded_sizes(most))]
        self._by_size.reverse()

    def __call__(self, count: int) -> None:
        """Run for the first `count` rows."""
        next(replay for size, replay in self._by_size if size >= count)()


class CudaGraphs:
    """A `Record` of CUDA graphs, which share their working memory: one may run at a time.

    Source: https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
    """

    def __init__(self) -> None:
        gc.collect()
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, run: Callable[[], None]) -> Callable[[], None]:
        """Record what `run` queues on the current device."""
        beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            run()  # libraries set themselves up in a first run; that must not be recorded
        torch.cuda.current_stream().wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        # Other threads may call CUDA meanwhile; their calls must not be recorded.
        with (
            _no_collection(),
            torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"),
        ):
            run()
        return graph.replay


@contextmanager
def _no_collection() -> Iterator[None]:
    """Disable garbage collection: freeing pinned memory or a graph would abort a recording."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
