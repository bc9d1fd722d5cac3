"""Which processes the service consists of, and how much memory they hold together."""

from dataclasses import dataclass
from pathlib import Path

import psutil

_SPARE = "ray::IDLE"
"""Ray starts and ends workers in reserve as it likes; none of them serves."""


@dataclass(frozen=True)
class Snapshot:
    """Names and memory of the processes, by id and start time.

    `own_bytes` is what a process shares with no other; `shared_bytes` is the most that one of
    them has mapped of shared memory, which is Ray's object store.
    """

    names: dict[tuple[int, float], str]
    own_bytes: dict[tuple[int, float], int]
    shared_bytes: int

    def grown_bytes(self, before: "Snapshot") -> dict[str, int]:
        """Return by how much each has grown since; a new one, from nothing."""
        grown = {
            self.names[process]: own_bytes - before.own_bytes.get(process, 0)
            for process, own_bytes in self.own_bytes.items()
        }
        return {**grown, "shared memory": self.shared_bytes - before.shared_bytes}


def snapshot(pid: int) -> Snapshot:
    """Look at the process and all that it has started."""
    root = psutil.Process(pid)
    names: dict[tuple[int, float], str] = {}
    own_bytes: dict[tuple[int, float], int] = {}
    shared_bytes = 0
    for process in [root, *root.children(recursive=True)]:
        try:
            with process.oneshot():
                name = " ".join(process.cmdline()).strip()
                if not name.startswith(_SPARE):
                    key = process.pid, process.create_time()
                    names[key] = f"{process.pid} {name[-60:]}"
                    own_bytes[key] = _resident_bytes(process.pid, "RssAnon")
                    shared_bytes = max(shared_bytes, _resident_bytes(process.pid, "RssShmem"))
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
    return Snapshot(names, own_bytes, shared_bytes)


def _resident_bytes(pid: int, kind: str) -> int:
    """Return a line of /proc/PID/status; psutil counts program files with the shared memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split(f"{kind}:")[1].split()[0]) * 1024
