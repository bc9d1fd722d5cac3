"""A server's processes → the processor time that each part took, and the memory that it holds."""

from collections import defaultdict
from dataclasses import dataclass

import psutil

from benchmarks.processes import OTHER, look_at_family, part_of, resident_bytes


@dataclass(frozen=True)
class Usage:
    """Processor seconds since its start, of each process with its part; memory of each part.

    Memory is what is shared with nobody.
    """

    processor_s: dict[tuple[int, float], tuple[str, float]]
    memory_bytes: dict[str, int]

    def processor_s_since(self, before: "Usage") -> dict[str, float]:
        """Return the processor seconds of each part since then; a new process counts whole."""
        spent: dict[str, float] = defaultdict(float)
        for process, (part, seconds) in self.processor_s.items():
            spent[part] += seconds - before.processor_s.get(process, (part, 0.0))[1]
        return dict(spent)


def usage(pid: int) -> Usage:
    """Look at a process and all that it has started; the first is `server` if it has no part."""
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
