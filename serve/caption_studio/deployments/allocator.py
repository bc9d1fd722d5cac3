"""Memory that a process no longer uses → the operating system.

glibc keeps the freed blocks of pictures for reuse, and larger ones after each large free; it cannot
return memory that lies below a block in use. A gateway that once held hundreds of pictures kept a
gigabyte. Blocks allocated with mmap are returned when they are freed.

Nothing here does anything where the C library has no `mallopt`.
Source: https://man7.org/linux/man-pages/man3/mallopt.3.html
"""

import ctypes

_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8

MAPPED_FROM_BYTES = 128 * 1024
"""glibc's initial threshold; setting it explicitly stops glibc from raising it."""

HEAPS = 2
"""glibc gives a process up to 8 heaps for each core, shared out among its threads (some 50 here),
and memory free in one heap cannot serve another. With two heaps a gateway takes 110 MiB in an
hour's soak (benchmarks/results/soak), and took 130 before."""


def give_back_large_blocks() -> None:
    """Have malloc use mmap for each large block."""
    _set(_M_MMAP_THRESHOLD, MAPPED_FROM_BYTES)


def limit_heaps() -> None:
    """Have malloc use `HEAPS` heaps; call it before threads start.

    Other processes read the variable MALLOC_ARENA_MAX when they start; this one is running already.
    """
    _set(_M_ARENA_MAX, HEAPS)


def _set(parameter: int, value: int) -> None:
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(parameter, value)
