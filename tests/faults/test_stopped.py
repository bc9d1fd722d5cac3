"""SIGTERM while many ask: what was accepted is answered, and nothing is left behind."""

import os
import signal
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tests.conftest import running
from tests.faults.conftest import wait_until
from tests.faults.load import load

pytestmark = pytest.mark.service

STOP_S = 60.0
SHARED_MEMORY = Path("/dev/shm")
TEMPORARY = Path("/tmp")


def left_over() -> set[Path]:
    """Return what a service might leave in shared memory and among the temporary files."""
    return {*SHARED_MEMORY.iterdir(), *TEMPORARY.glob("studio-*")}


@pytest.mark.slow  # the harder case, a signal to the group, is in test_neighbours
def test_what_was_accepted_is_answered_and_nothing_is_left(
    tmp_path: Path, table: list[tuple[str, ...]]
) -> None:
    files = left_over()
    with running(tmp_path, {}) as service:
        family = psutil.Process(service.pid).children(recursive=True)
        with load(service.url, max_tokens=60) as seen:
            seen.wait_for(40)
            os.kill(service.pid, signal.SIGTERM)
            stopped_s = time.monotonic()
        wait_until(lambda: psutil.Process(service.pid).status() == psutil.STATUS_ZOMBIE, STOP_S)
        seconds = time.monotonic() - stopped_s
    table.append(seen.row("SIGTERM", f"{seconds:.0f} s"))
    accepted = [one for one in seen.asked if one.sent_s < stopped_s]
    assert {one.end for one in accepted} == {"whole"}
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    assert left_over() <= files
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        address = urlsplit(service.url)
        probe.bind((address.hostname, address.port))
