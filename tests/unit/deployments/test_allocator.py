import subprocess
import sys

from caption_studio.deployments.allocator import HEAPS

PROGRAM = """
import resource
from caption_studio.deployments.allocator import give_back_large_blocks

def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

give_back_large_blocks()
blocks = [bytes(8 * 1024**2) for _ in range(2)]  # one freed block would raise glibc's threshold
del blocks
before = resident_bytes()
blocks, holes = [], []
for _ in range(100):
    blocks.append(bytearray(b"x") * 1024**2)
    holes.append(bytearray(b"y") * 1000)
del blocks
print(resident_bytes() - before)
"""


def test_the_memory_of_large_blocks_goes_back_when_they_are_freed() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert int(run.stdout) < 10 * 1024**2


THREADS = """
import ctypes
import threading
from caption_studio.deployments.allocator import limit_heaps

if {is_limited}:
    limit_heaps()
library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
together = threading.Barrier(16)
found = []

def allocate():
    together.wait()
    found.append(library.malloc(1000))
    together.wait()

threads = [threading.Thread(target=allocate) for _ in range(16)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
largest_heap_bytes = 64 * 1024**2
print(len({{address // largest_heap_bytes for address in found}}))
"""


def heaps_of_16_threads(*, is_limited: bool) -> int:
    run = subprocess.run(
        [sys.executable, "-c", THREADS.format(is_limited=is_limited)],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(run.stdout)


def test_threads_share_two_heaps() -> None:
    assert heaps_of_16_threads(is_limited=False) > HEAPS
    assert heaps_of_16_threads(is_limited=True) <= HEAPS
