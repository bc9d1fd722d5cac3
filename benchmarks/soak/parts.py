"""The service's processes → the resources that each of its parts holds now."""

from dataclasses import astuple, dataclass

import psutil

from benchmarks.processes import look_at_family, part_of, resident_bytes


@dataclass
class Holding:
    """The resources that the processes of one part hold together.

    `own_bytes` is resident private memory (`RssAnon`), in which a leak would show.
    """

    own_bytes: int = 0
    descriptors: int = 0
    threads: int = 0
    processes: int = 0

    def add(self, other: "Holding") -> None:
        """Add another process."""
        for name, value in zip(vars(self), astuple(other), strict=True):
            setattr(self, name, getattr(self, name) + value)


def held(pid: int) -> dict[str, Holding]:
    """Return the holdings of a process and its descendants, by part."""
    found: dict[str, Holding] = {}
    for part, holding in look_at_family(pid, _held_by):
        found.setdefault(part, Holding()).add(holding)
    return found


def _held_by(process: psutil.Process, command: str) -> tuple[str, Holding]:
    own_bytes = resident_bytes(process.pid, "RssAnon")
    return part_of(command), Holding(own_bytes, process.num_fds(), process.num_threads(), 1)
