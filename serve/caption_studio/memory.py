"""The kernel's files → how much memory is left: for this process, and for Ray's object store.

Not here: the memory of a GPU.
"""

from pathlib import Path

STORE_SHARE = 0.3
"""What Ray takes of the memory for its object store. Source: ray/_private/utils.py, 2.60."""

STORE_MOST_BYTES = 1024**3
"""More than the service has use for: its calls go past the store, and megabytes are in it."""

STORE_LEAST_BYTES = 75 * 1024**2
"""A smaller store Ray refuses. Source: ray/_private/ray_constants.py, 2.60."""

_STORE_SHARE_OF_SHARED = 0.9
_MACHINE = Path("/proc/meminfo")
_CONTROL_GROUP = Path("/sys/fs/cgroup")
_CONTROL_GROUP_FILES = (
    ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    # The older interface, version 1.
    (
        "memory/memory.limit_in_bytes",
        "memory/memory.usage_in_bytes",
        "memory/memory.stat",
        "total_inactive_file",
    ),
)


def free_memory_bytes() -> int:
    """Return what this process may still take: of the machine, and of its control group.

    A container sees its own control group there.
    """
    free_bytes = _field(_MACHINE, "MemAvailable:") * 1024
    for most, used, parts, given_back in _CONTROL_GROUP_FILES:
        limit_bytes = _text(_CONTROL_GROUP / most).strip()
        if limit_bytes.isdigit():
            # The kernel gives back the memory of files that were only read.
            taken = int(_text(_CONTROL_GROUP / used) or 0)
            taken -= _field(_CONTROL_GROUP / parts, given_back)
            free_bytes = min(free_bytes, int(limit_bytes) - taken)
    return max(0, free_bytes)


def store_fits(shared_bytes: int) -> bool:
    """Return whether the smallest object store fits so much free shared memory."""
    return shared_bytes * _STORE_SHARE_OF_SHARED >= STORE_LEAST_BYTES


def store_bytes(memory_bytes: int, shared_bytes: int) -> int | None:
    """Return a size of the object store that fits the shared memory, or None for Ray's own choice.

    Ray's store would lie on the disk if its size did not fit (containers have 64 MB unless told).
    """
    if shared_bytes >= STORE_SHARE * memory_bytes or not store_fits(shared_bytes):
        return None
    return min(int(shared_bytes * _STORE_SHARE_OF_SHARED), STORE_MOST_BYTES)


def _field(path: Path, name: str) -> int:
    """Return the number after a name, in a file of the kernel with one such pair a line, or 0."""
    lines = map(str.split, _text(path).splitlines())
    return next((int(words[1]) for words in lines if words[0] == name), 0)


def _text(path: Path) -> str:
    """Return a file's text, or "": not every kernel has every file."""
    return path.read_text() if path.is_file() else ""
