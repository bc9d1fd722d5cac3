"""A pool of threads that are all there from the start.

`ThreadPoolExecutor` starts a thread when it first has too few, which may be hours later. With
these pools a process has as many threads after a day as at its start, so one that leaks shows.
"""

import threading
from concurrent.futures import ThreadPoolExecutor


def started_pool(threads: int, name: str) -> ThreadPoolExecutor:
    """Return a pool whose threads have started. Blocks until then."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
    all_are_there = threading.Barrier(threads + 1)
    for _ in range(threads):
        pool.submit(all_are_there.wait)
    all_are_there.wait()
    return pool
