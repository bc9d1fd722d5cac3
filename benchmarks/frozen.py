"""A server whose processes stand still (SIGSTOP) while another one is measured.

Servers that are compared run side by side, and each has the machine to itself for a window at a
time: an idle server polls, a frozen one does nothing. Nothing of it is lost but time, which passes
for it all at once when it is let go.
"""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

STOPS_WITHIN_S = 5.0
"""A process that runs on another core stops a moment after its signal was sent."""


class Freezable:
    """A process and its descendants, of one server that has started."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._frozen: list[psutil.Process] = []

    def freeze(self) -> None:
        """Stop all processes, parents first, those that start meanwhile, too; wait until they have.

        Raises `TimeoutError` if one goes on.
        """
        deadline_s = time.monotonic() + STOPS_WITHIN_S
        while new := [one for one in self._family() if one not in self._frozen]:
            for process in new:
                _send(process, signal.SIGSTOP)
            self._frozen += new
        while going := [one.pid for one in self._frozen if _goes_on(one)]:
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"processes {going} did not stop")
            time.sleep(0.001)

    def thaw(self) -> None:
        """Let all go on."""
        for process in self._frozen:
            _send(process, signal.SIGCONT)
        self._frozen = []

    @contextmanager
    def thawed(self) -> Iterator[None]:
        """Let them run for the length of the context."""
        self.thaw()
        try:
            yield
        finally:
            self.freeze()

    def _family(self) -> list[psutil.Process]:
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


def _goes_on(process: psutil.Process) -> bool:
    try:
        return process.status() not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _send(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        pass
