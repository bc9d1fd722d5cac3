"""The end of a service on one machine: nothing new is taken, what was accepted is answered.

Serve's own shutdown ends HAProxy at once, with all that is under way.
"""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from caption_studio.deployments.haproxy_socket import pids

POLL_S = 0.1


def drain(folder: Path, *, timeout_s: float, hurry: Callable[[], bool]) -> None:
    """Have the HAProxy with its files in `folder` pass on its last answers, and end.

    It takes no more connections, closes the idle ones and tells the others with their answers.
    Returns when it has ended, after `timeout_s`, or when `hurry` says so.
    Source: https://docs.haproxy.org/3.2/management.html#4 (soft stop by SIGUSR1).
    """
    deadline_s = time.monotonic() + timeout_s
    for pid in pids(folder):
        os.kill(pid, signal.SIGUSR1)
        while _is_alive(pid) and time.monotonic() < deadline_s and not hurry():
            time.sleep(POLL_S)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
