"""Memory that a gateway no longer uses → the operating system.

glibc keeps the freed blocks of pictures for reuse, and larger ones after each large free; it cannot
return memory that lies below a block in use. A gateway that once held hundreds of pictures kept a
gigabyte. Blocks allocated with mmap are returned when they are freed.
"""

import ctypes
import ctypes.util

_M_MMAP_THRESHOLD = -3
MAPPED_FROM_BYTES = 128 * 1024
"""glibc's initial threshold; setting it explicitly stops glibc from raising it."""


def give_back_large_blocks() -> None:
    """Have malloc use mmap for each large block. Does nothing if the C library has no `mallopt`."""
    library = ctypes.CDLL(ctypes.util.find_library("c"))
    if hasattr(library, "mallopt"):
        library.mallopt(_M_MMAP_THRESHOLD, MAPPED_FROM_BYTES)
