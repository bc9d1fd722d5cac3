"""Which processes the service consists of, and how much memory they hold together."""

from dataclasses import dataclass

import psutil

from benchmarks.processes import look_at_family, resident_bytes


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
    names: dict[tuple[int, float], str] = {}
    own_bytes: dict[tuple[int, float], int] = {}

    def look(process: psutil.Process, command: str) -> int:
        key = process.pid, process.create_time()
        names[key] = f"{process.pid} {command[-60:]}"
        own_bytes[key] = resident_bytes(process.pid, "RssAnon")
        return resident_bytes(process.pid, "RssShmem")

    return Snapshot(names, own_bytes, max(look_at_family(pid, look), default=0))
