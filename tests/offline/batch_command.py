"""`caption-studio batch` as a user starts it, and what it leaves on the machine."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.conftest import COMMAND
from tests.pictures import held_out

TIMEOUT_S = 600
END_S = 10.0
VARIABLE = "STUDIO_BATCH_FOLDER"


def paint(folder: Path, count: int) -> list[Path]:
    """Paint so many pictures into the folder; return their paths in the table's order."""
    folder.mkdir()
    for number, picture in enumerate(held_out(count)):
        (folder / f"{number:04}.png").write_bytes(picture.encoded())
    return sorted(folder.iterdir())


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start the command in a folder; whatever happens, it has ended afterwards."""
    with (folder / "log").open("a") as log:
        process = subprocess.Popen(
            [COMMAND, "batch", *arguments],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            env={name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"},
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the command to its end; return its status and all that was printed so far."""
    with started(folder, *arguments) as process:
        status = process.wait(TIMEOUT_S)
    return status, (folder / "log").read_text()


def wait_until(is_so: Callable[[], bool], process: subprocess.Popen[str], log: Path) -> None:
    """Wait while the command runs; fail with what it printed if it ends before."""
    deadline_s = time.monotonic() + TIMEOUT_S
    while not is_so():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline_s, log.read_text()
        time.sleep(0.02)


def left_behind() -> list[str]:
    """Return the command lines of a run's processes that do not end within `END_S`."""
    deadline_s = time.monotonic() + END_S
    while (left := _marked()) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    return left


def _marked() -> list[str]:
    left = []
    for process in psutil.process_iter():
        try:
            if VARIABLE in process.environ():
                left.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return left
