"""Drain a service on one machine: accept no new requests, answer those already accepted.

Serve's own shutdown kills HAProxy at once and cuts off the requests in progress.
"""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from caption_studio.deployments.edge.admin_socket import pids

POLL_S = 0.1


def drain(folder: Path, *, timeout_s: float, hurry: Callable[[], bool]) -> None:
    """Have the HAProxy with its files in `folder` finish its open requests and end.

    It accepts no more connections, closes idle ones and announces the close of the others in their
    answers. Returns when it has ended, after `timeout_s`, or when `hurry` returns true.
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
