"""A server's processes, looked at again and again → each part's processor seconds.

Processes that have ended count with what they had used when they were last seen.
"""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from benchmarks.processes import OTHER, part_of

LOOK_S = 0.1
SPARE_WORKERS = "spare workers"
_SPARE = "ray::IDLE"
UNSEEN = "short-lived"
"""Processes that began and ended between two looks; their parents' counts have them."""


class Watch:
    """The processor seconds of a process and of all that descend from it."""

    def __init__(self, pid: int) -> None:
        self._members = {psutil.Process(pid): OTHER}
        self._used_s: dict[psutil.Process, float] = {}
        self._childrens_s: dict[psutil.Process, float] = {}
        self._lock = threading.Lock()

    @property
    def members(self) -> dict[int, str]:
        """The processes seen so far, by their ids, each with its part."""
        with self._lock:
            return {process.pid: part for process, part in self._members.items()}

    def look(self) -> None:
        """Read all processes that live now."""
        with self._lock:
            for member in list(self._members):
                self._look_at(member)

    def processor_s(self) -> dict[str, float]:
        """Return each part's seconds up to now; all parts' sum is the whole server's."""
        self.look()
        seconds: dict[str, float] = defaultdict(float)
        with self._lock:
            for process, used_s in self._used_s.items():
                seconds[self._members[process]] += used_s
            ended_s = sum(
                used_s for process, used_s in self._used_s.items() if not process.is_running()
            )
            unseen_s = sum(self._childrens_s.values()) - ended_s
        if unseen_s > 0:
            seconds[UNSEEN] += unseen_s
        return dict(seconds)

    def _look_at(self, member: psutil.Process) -> None:
        try:
            with member.oneshot():
                self._read(member)
            for child in member.children():
                if child not in self._members:
                    self._members[child] = self._members[member]
                    self._look_at(child)
        except psutil.Error:
            return  # it has ended

    def _read(self, member: psutil.Process) -> None:
        command = " ".join(member.cmdline()).strip()
        part = SPARE_WORKERS if command.startswith(_SPARE) else part_of(command)
        if part != OTHER:  # else it stays its parent's
            self._members[member] = part
        times = member.cpu_times()
        self._used_s[member] = times.user + times.system
        self._childrens_s[member] = times.children_user + times.children_system


@contextmanager
def watched(pid: int) -> Iterator[Watch]:
    """Look at the process and its descendants every `LOOK_S` for the length of the context."""
    watch = Watch(pid)
    done = threading.Event()

    def keep_looking() -> None:
        while not done.wait(LOOK_S):
            watch.look()

    thread = threading.Thread(target=keep_looking, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        done.set()
        thread.join()
