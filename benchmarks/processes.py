"""The operating system's figures for a process and its descendants."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil

Seen = TypeVar("Seen")

_SPARE = "ray::IDLE"
"""Ray starts and ends idle spare workers at will; none of them serves."""

OTHER = "other"
_PARTS = (
    (re.compile(r"ray::ServeReplica:[^:]*:([\w-]+)"), None),
    (re.compile("ray::LedgerActor"), "ledger"),
    (re.compile("VLLM::|EngineCore|multiprocessing-fork"), "engine"),
    (re.compile("/haproxy -"), "HAProxy"),
    (re.compile("ray::(Serve|ProxyActor|HAProxyManager)"), "Serve"),
    (re.compile("/gcs_server "), "Ray's store"),
    (re.compile("/raylet "), "raylet"),
    (re.compile("ray/dashboard/dashboard.py"), "dashboard"),
    (re.compile("ray::|ray/|raylet"), "Ray's agents"),
    (re.compile("caption-studio serve"), "command"),
)
"""The first match in a command line names the part; None: the match's own group does."""


def part_of(command: str) -> str:
    """Return the part of a server that a process belongs to, by its command line."""
    for pattern, name in _PARTS:
        if match := pattern.search(command):
            return name or match.group(1).lower()
    return OTHER


def look_at_family(pid: int, look: Callable[[psutil.Process, str], Seen]) -> list[Seen]:
    """Return `look`'s result for each process and its command line; skip those that end."""
    found: list[Seen] = []
    root = psutil.Process(pid)
    for process in [root, *root.children(recursive=True)]:
        try:
            with process.oneshot():
                command = " ".join(process.cmdline()).strip()
                if not command.startswith(_SPARE):
                    found.append(look(process, command))
        except (psutil.Error, OSError):
            continue  # it ended while we looked
    return found


def resident_bytes(pid: int, kind: str) -> int:
    """Return a line of /proc/PID/status: `RssAnon` is private memory, `RssShmem` is shared.

    It is read here because psutil counts program files as shared memory. A zombie holds nothing.
    Raises `OSError` if there is no such process.
    """
    _, found, rest = Path(f"/proc/{pid}/status").read_text().partition(f"{kind}:")
    return int(rest.split()[0]) * 1024 if found else 0
