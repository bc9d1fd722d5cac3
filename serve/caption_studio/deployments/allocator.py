"""Memory that a gateway no longer uses → the operating system.

glibc keeps the blocks of freed pictures for later ones, and more of them the larger they were; it
never gives back what lies below a block in use. A gateway that had hundreds of pictures once kept
a gigabyte. Blocks that are mapped one by one go back when they are freed.
"""

import ctypes
import ctypes.util

_M_MMAP_THRESHOLD = -3
MAPPED_FROM_BYTES = 128 * 1024
"""glibc's own value at the start; setting it keeps it from growing."""


def give_back_large_blocks() -> None:
    """Have every large block mapped by itself. Does nothing where the C library is another."""
    library = ctypes.CDLL(ctypes.util.find_library("c"))
    if hasattr(library, "mallopt"):
        library.mallopt(_M_MMAP_THRESHOLD, MAPPED_FROM_BYTES)
