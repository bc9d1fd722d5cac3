"""Lines in a file that only grows, for journals: what is in it survives a kill at any moment.

A last line without its end is what a kill left: it is cut off. One command at a time writes a file.
"""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

_PART = 4096
"""Bytes that are read at a time where the length of a line is not known."""


class GrowingFile:
    """The file at `path`. Not open until `open`; blocking."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1
        self._size_bytes = 0

    @property
    def is_open(self) -> bool:
        """Whether it is open: it may be written then."""
        return self._file != -1

    @property
    def is_in_place(self) -> bool:
        """Whether its path still names this file. Raises `OSError` where it names none."""
        return os.path.samestat(os.fstat(self._file), os.stat(self._path))

    def open(self) -> None:
        """Open and lock it; it is made if it is not there.

        Raises `BlockingIOError` while another command holds it, other kinds of `OSError`.
        """
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield where each whole line begins, in bytes, and the line; read them once, all of them.

        Raises `OSError`.
        """
        with open(self._file, "rb", closefd=False) as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                yield self._size_bytes, line
                self._size_bytes += len(line)

    def cut(self) -> None:
        """Cut off what is behind the lines that were read or appended. Raises `OSError`."""
        os.ftruncate(self._file, self._size_bytes)
        os.lseek(self._file, self._size_bytes, os.SEEK_SET)

    def append(self, line: bytes, *, flush_to_disk: bool = False) -> int:
        """Write a line, or nothing of it; return where it begins, in bytes. Raises `OSError`."""
        start, left = self._size_bytes, line
        try:
            while left:
                left = left[os.write(self._file, left) :]
            if flush_to_disk:
                os.fsync(self._file)
        except OSError:
            self.cut()
            raise
        self._size_bytes += len(line)
        return start

    def line_at(self, start: int) -> bytes:
        """Return the line that begins at a place, in bytes. Raises `OSError`."""
        found = b""
        while b"\n" not in found and (more := os.pread(self._file, _PART, start + len(found))):
            found += more
        return found.partition(b"\n")[0]

    def close(self) -> None:
        """Close it, which gives the lock back. Idempotent."""
        if self._file != -1:
            os.close(self._file)
            self._file = -1
