"""A server's processes → each part's CPU time and memory."""

from collections import defaultdict
from dataclasses import dataclass

import psutil

from benchmarks.processes import OTHER, look_at_family, part_of, resident_bytes


@dataclass(frozen=True)
class Usage:
    """CPU seconds of each process since its start, with its part; memory of each part.

    Only private memory counts.
    """

    processor_s: dict[tuple[int, float], tuple[str, float]]
    memory_bytes: dict[str, int]

    def processor_s_since(self, before: "Usage") -> dict[str, float]:
        """Return each part's CPU seconds since `before`; a new process counts in full."""
        spent: dict[str, float] = defaultdict(float)
        for process, (part, seconds) in self.processor_s.items():
            spent[part] += seconds - before.processor_s.get(process, (part, 0.0))[1]
        return dict(spent)


def usage(pid: int) -> Usage:
    """Read a process and its descendants; the first is `server` if no part matches."""
    processor_s: dict[tuple[int, float], tuple[str, float]] = {}
    memory: dict[str, int] = defaultdict(int)

    def look(process: psutil.Process, command: str) -> None:
        part, times = part_of(command), process.cpu_times()
        if part == OTHER and process.pid == pid:
            part = "server"
        key = process.pid, process.create_time()
        memory[part] += resident_bytes(process.pid, "RssAnon")
        processor_s[key] = part, times.user + times.system

    look_at_family(pid, look)
    return Usage(processor_s, dict(memory))
