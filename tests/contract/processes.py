"""Which processes the service consists of, and how much memory they hold together."""

from dataclasses import dataclass

import psutil

_SPARE = "ray::IDLE"
"""Ray starts and ends workers in reserve as it likes; none of them serves."""


@dataclass(frozen=True)
class Snapshot:
    """Names and resident memory of the processes, by id and start time."""

    names: dict[tuple[int, float], str]
    rss_bytes: dict[tuple[int, float], int]

    def grown_bytes(self, before: "Snapshot") -> dict[str, int]:
        """Return by how much each has grown since; a new one, from nothing."""
        return {
            self.names[process]: rss_bytes - before.rss_bytes.get(process, 0)
            for process, rss_bytes in self.rss_bytes.items()
        }


def snapshot(pid: int) -> Snapshot:
    """Look at the process and all that it has started."""
    root = psutil.Process(pid)
    names: dict[tuple[int, float], str] = {}
    rss_bytes: dict[tuple[int, float], int] = {}
    for process in [root, *root.children(recursive=True)]:
        try:
            with process.oneshot():
                name = " ".join(process.cmdline()).strip()
                if not name.startswith(_SPARE):
                    key = process.pid, process.create_time()
                    names[key] = f"{process.pid} {name[-60:]}"
                    rss_bytes[key] = process.memory_info().rss
        except psutil.NoSuchProcess:
            continue  # it ended while we looked
    return Snapshot(names, rss_bytes)
