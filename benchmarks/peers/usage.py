"""A server's processes → the processor time that each part took, and the memory that it holds."""

import re
from collections import defaultdict
from dataclasses import dataclass

import psutil

from benchmarks.soak.parts import own_bytes

_LABELS = (
    (re.compile(r"ray::ServeReplica:[^:]*:([\w-]+)"), None),
    (re.compile("EngineCore|multiprocessing-fork|VLLM::"), "engine"),
    (re.compile("/haproxy -"), "HAProxy"),
    (re.compile("ray::(Serve|ProxyActor|HAProxyManager)"), "Serve"),
    (re.compile("gcs_server|raylet|ray::|/ray/"), "Ray"),
)
"""The first that is found in a command line names the part; None: by its own group."""


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


def part_of(command: str) -> str:
    """Return the part that a process belongs to; `server` is whatever has no other name."""
    for pattern, name in _LABELS:
        if match := pattern.search(command):
            return name or match.group(1)
    return "server"


def usage(pid: int) -> Usage:
    """Look at a process and all that it has started."""
    processor_s: dict[tuple[int, float], tuple[str, float]] = {}
    memory: dict[str, int] = defaultdict(int)
    root = psutil.Process(pid)
    for process in [root, *root.children(recursive=True)]:
        try:
            with process.oneshot():
                part = part_of(" ".join(process.cmdline()))
                times = process.cpu_times()
                key = process.pid, process.create_time()
                memory[part] += own_bytes(process.pid)
                processor_s[key] = part, times.user + times.system
        except (psutil.Error, OSError):
            continue  # it ended while we looked
    return Usage(processor_s, dict(memory))
