"""A server whose processes stand still (SIGSTOP) while another one is measured.

Servers that are compared run side by side, and each has the machine to itself for a window at a
time: an idle server polls, a frozen one does nothing. Nothing of it is lost but time, which passes
for it all at once when it is let go.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psutil


class Freezable:
    """A process and its descendants, of one server that has started."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._frozen: list[psutil.Process] = []

    def freeze(self) -> None:
        """Stop all processes, parents first; those that start meanwhile, too."""
        while new := [one for one in self._family() if one not in self._frozen]:
            for process in new:
                _send(process, signal.SIGSTOP)
            self._frozen += new

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


def _send(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        pass
