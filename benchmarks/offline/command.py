"""A process that writes a journal of rows, watched from outside: its pace and its memory."""

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import look_at_family, resident_bytes

LOOK_S = 0.25
MEMORY_EVERY = 4
"""Of the looks, one in so many is at the memory of all processes: it takes some ms."""


@dataclass(frozen=True)
class Watched:
    """Rows by time since the start, and the most memory that all processes had together.

    `private_bytes` are the processes' own pages, `shared_bytes` those of Ray's object store.
    """

    status: int
    seconds: float
    rows: Sequence[tuple[float, int]]
    private_bytes: int
    shared_bytes: int

    @property
    def start_s(self) -> float:
        """Return the time to the first row."""
        return next((at_s for at_s, rows in self.rows if rows), self.seconds)

    def per_s(self, first: float, last: float) -> float:
        """Return the rows a second between two shares of all rows."""
        total = self.rows[-1][1]
        begin_s, begin = next(one for one in self.rows if one[1] >= first * total)
        end_s, end = next(one for one in self.rows if one[1] >= last * total)
        return (end - begin) / (end_s - begin_s)


def watch(command: Sequence[str], journal: Path, log: Path) -> Watched:
    """Run the command to its end, and look at its journal and its processes meanwhile."""
    rows = [(0.0, 0)]
    private_bytes = shared_bytes = looks = 0
    began_s = time.monotonic()
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        counter = _Counter(journal)
        while not _ended(process):
            rows.append((time.monotonic() - began_s, counter.rows()))
            looks += 1
            if looks % MEMORY_EVERY == 0:
                private, shared = _memory(process.pid)
                private_bytes = max(private_bytes, private)
                shared_bytes = max(shared_bytes, shared)
    seconds = time.monotonic() - began_s
    return Watched(process.returncode, seconds, rows, private_bytes, shared_bytes)


def _ended(process: "subprocess.Popen[bytes]") -> bool:
    """Wait until the next look; return whether the process has ended meanwhile."""
    try:
        process.wait(LOOK_S)
    except subprocess.TimeoutExpired:
        return False
    return True


class _Counter:
    """Counts the lines of a file that grows, until it is gone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_bytes = self._rows = 0

    def rows(self) -> int:
        try:
            with self._path.open("rb") as file:
                file.seek(self._read_bytes)
                data = file.read()
        except FileNotFoundError:
            return self._rows
        self._read_bytes += len(data)
        self._rows += data.count(b"\n")
        return self._rows


def _memory(pid: int) -> tuple[int, int]:
    found = look_at_family(
        pid,
        lambda process, _: (
            resident_bytes(process.pid, "RssAnon"),
            resident_bytes(process.pid, "RssShmem"),
        ),
    )
    # The object store is one piece of memory that several processes map.
    return sum(one[0] for one in found), max((one[1] for one in found), default=0)
