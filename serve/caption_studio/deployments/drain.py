"""The end of a service on one machine: nothing new is taken, what was accepted is answered.

Serve's own shutdown ends HAProxy at once, with all that is under way.
"""

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

POLL_S = 0.1
SOCKET_TIMEOUT_S = 5.0


def drain(folder: Path, *, timeout_s: float, hurry: Callable[[], bool]) -> None:
    """Have the HAProxy with its files in `folder` pass on its last answers, and end.

    It takes no more connections, closes the idle ones and tells the others with their answers.
    Returns when it has ended, after `timeout_s`, or when `hurry` says so.
    Source: https://docs.haproxy.org/3.2/management.html#4 (soft stop by SIGUSR1).
    """
    deadline_s = time.monotonic() + timeout_s
    for pid in _pids(folder):
        os.kill(pid, signal.SIGUSR1)
        while _is_alive(pid) and time.monotonic() < deadline_s and not hurry():
            time.sleep(POLL_S)


def _pids(folder: Path) -> list[int]:
    """Ask each HAProxy who it is; Serve puts its socket into a folder for each node."""
    found = []
    for path in folder.rglob("admin.sock"):
        try:
            with socket.socket(socket.AF_UNIX) as admin:
                admin.settimeout(SOCKET_TIMEOUT_S)
                admin.connect(str(path))
                admin.sendall(b"show info\n")
                with admin.makefile() as answer:
                    words = (line.split() for line in answer)
                    found += [int(pair[1]) for pair in words if pair[:1] == ["Pid:"]]
        except OSError:
            continue  # it has ended by itself
    return found


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
