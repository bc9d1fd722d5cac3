import subprocess
import sys

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
