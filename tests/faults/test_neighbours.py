"""Two services on one machine, and endings that reach more than the process that was started."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from caption_studio.deployments.one_machine import semaphores
from caption_studio.deployments.one_machine.belongings import (
    OWNER,
    SHARED_MEMORY,
    SHARED_MEMORY_DIR,
    clear_dead,
    processes_of,
)
from tests.conftest import Service, running
from tests.faults.conftest import Fleet, wait_until
from tests.faults.keys import HEADERS
from tests.faults.load import load

pytestmark = pytest.mark.service

Table = list[tuple[str, ...]]

STOP_S = 60.0


def test_a_signal_to_the_group_lets_all_be_answered_and_the_neighbour_notices_nothing(
    fleet: Fleet, tmp_path: Path, table: Table
) -> None:
    with asked_gently(fleet.url) as neighbour:
        with running(tmp_path, {}) as service:
            folder, family = belongings(service)
            assert folder != belongings(fleet.service)[0]
            with load(service.url, callers=3) as seen:
                seen.wait_for(20)
                names = shared_memory(folder)
                os.killpg(service.pid, signal.SIGTERM)
                stopped_s = time.monotonic()
            wait_until(lambda: is_over(service), STOP_S)
            seconds = time.monotonic() - stopped_s
        since_end = len(neighbour)
        wait_until(lambda: len(neighbour) > since_end + 1, STOP_S)
    table.append(seen.row("SIGTERM to the group", f"{seconds:.0f} s"))
    assert {one.end for one in seen.asked if one.sent_s < stopped_s} == {"whole"}
    assert set(neighbour) == {200}
    assert_nothing_is_left(service, folder, family, names)


@pytest.mark.slow
def test_what_a_killed_service_left_is_found_at_the_next_start(
    fleet: Fleet, tmp_path: Path
) -> None:
    with asked_gently(fleet.url) as neighbour:
        with pytest.raises(AssertionError, match="ended by SIGKILL"):
            killed_and_cleared(tmp_path)
        since_end = len(neighbour)
        wait_until(lambda: len(neighbour) > since_end + 1, STOP_S)
    assert set(neighbour) == {200}


@contextmanager
def asked_gently(url: str) -> Iterator[list[int]]:
    """Ask twice a second, while another service starts: Ray gives a start up that takes too long.

    Give the statuses of the answers.
    """
    statuses: list[int] = []
    stop = threading.Event()

    def ask_on() -> None:
        with httpx.Client(base_url=url, headers=HEADERS, timeout=100) as client:
            while not stop.wait(0.5):
                body = {"model": "falcon-demo", "prompt": "A boat", "max_tokens": 8}
                statuses.append(client.post("/v1/completions", json=body).status_code)

    thread = threading.Thread(target=ask_on)
    thread.start()
    try:
        yield statuses
    finally:
        stop.set()
        thread.join()


def killed_and_cleared(tmp_path: Path) -> None:
    """Kill the process that serves, and do what the next start does; `running` sees its status."""
    with running(tmp_path, {}) as service:
        folder, family = belongings(service)
        names = shared_memory(folder)
        (serves,) = psutil.Process(service.pid).children()
        serves.kill()
        wait_until(lambda: is_over(service), STOP_S)
        assert [line for line in clear_dead() if str(folder) in line]
        assert_nothing_is_left(service, folder, family, names)


def belongings(service: Service) -> tuple[Path, list[psutil.Process]]:
    """Return the service's folder, and its processes."""
    family = psutil.Process(service.pid).children(recursive=True)
    pids = {process.pid for process in family}
    (folder,) = (
        owner.parent
        for owner in Path("/tmp").glob(f"studio-*/{OWNER}")
        if pids & set(processes_of(owner.parent))
    )
    return folder, family


def shared_memory(folder: Path) -> list[Path]:
    noted = folder / SHARED_MEMORY
    names = noted.read_text().split() if noted.exists() else []
    return [SHARED_MEMORY_DIR / name for name in names]


def is_over(service: Service) -> bool:
    return psutil.Process(service.pid).status() == psutil.STATUS_ZOMBIE


def assert_nothing_is_left(
    service: Service, folder: Path, family: list[psutil.Process], names: list[Path]
) -> None:
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    assert processes_of(folder) == []
    assert not folder.exists()
    assert [name for name in names if name.exists()] == []
    assert list(SHARED_MEMORY_DIR.glob(semaphores.pattern(folder))) == []
    address = urlsplit(service.url)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        probe.bind((address.hostname, address.port))
