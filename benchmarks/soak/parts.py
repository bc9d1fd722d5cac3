"""The service's processes → what each of its parts holds now."""

from dataclasses import astuple, dataclass
from pathlib import Path

import psutil

SPARE = "ray::IDLE"
"""Ray starts and ends workers in reserve as it likes; none of them serves."""

PARTS = (
    ("gateway", "ServeReplica:caption-studio:Gateway"),
    ("describer", "ServeReplica:caption-studio:Describer"),
    ("captioner", "ServeReplica:caption-studio:Captioner"),
    ("ledger", "ray::LedgerActor"),
    ("engine", "EngineCore"),
    ("engine", "multiprocessing-fork"),
    ("HAProxy", "/haproxy -"),
    ("Serve", "ray::Serve"),
    ("Serve", "ray::HAProxyManager"),
    ("Serve", "ray::ProxyActor"),
    ("Ray", "gcs_server"),
    ("Ray", "raylet"),
    ("Ray", "ray/"),
    ("Ray", "ray::"),
    ("command", "caption-studio serve"),
)
"""The first text that is in a process's command line names its part."""


@dataclass
class Holding:
    """What the processes of one part hold together.

    `own_bytes` is resident and shared with nobody (`RssAnon`), which a leak would be.
    """

    own_bytes: int = 0
    descriptors: int = 0
    threads: int = 0
    processes: int = 0

    def add(self, other: "Holding") -> None:
        """Count another process in."""
        for name, value in zip(vars(self), astuple(other), strict=True):
            setattr(self, name, getattr(self, name) + value)


def part_of(command: str) -> str | None:
    """Return the name of a process's part; None for one that is kept in reserve."""
    if command.startswith(SPARE):
        return None
    return next((part for part, text in PARTS if text in command), "other")


def held(pid: int) -> dict[str, Holding]:
    """Look at a process and all that it has started, by part."""
    found: dict[str, Holding] = {}
    root = psutil.Process(pid)
    for process in [root, *root.children(recursive=True)]:
        try:
            with process.oneshot():
                part = part_of(" ".join(process.cmdline()))
                holding = Holding(
                    own_bytes(process.pid), process.num_fds(), process.num_threads(), 1
                )
        except (psutil.Error, OSError):
            continue  # it ended while we looked
        if part is not None:
            found.setdefault(part, Holding()).add(holding)
    return found


def own_bytes(pid: int) -> int:
    """Return the resident memory that a process shares with nobody; raises `OSError`."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) * 1024 if "RssAnon:" in status else 0
