"""A server's command → a process that answers; at the end all its processes are stopped.

Every step has a deadline. Only processes that this module started are ended, by their ids.
"""

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

POLL_S = 0.25
PROBE_TIMEOUT_S = 5.0
KILL_TIMEOUT_S = 10.0
LOG_TAIL_BYTES = 2000


class StartFailed(Exception):
    """The server ended, or was not ready in time; the message ends with its last output."""


@dataclass(frozen=True)
class Server:
    """A server to start. `ready_url` answers 200 once requests can be served."""

    command: Sequence[str]
    ready_url: str
    environment: Mapping[str, str]
    start_timeout_s: float = 240.0
    stop_timeout_s: float = 40.0


@dataclass(frozen=True)
class Started:
    """A running server: the seconds until it was ready, and its process."""

    start_s: float
    pid: int


@contextmanager
def running(
    server: Server, log: Path, on_start: Callable[[int], object] = lambda pid: None
) -> Iterator[Started]:
    """Run the server for the length of the context.

    Its output goes to `log`; `on_start` is told its process at once. Raises `StartFailed`.
    """
    started = time.monotonic()
    process = _started(server, log)
    family = _Family(process.pid)
    try:
        on_start(process.pid)
        _wait_until_ready(process, server, log, family)
        yield Started(time.monotonic() - started, process.pid)
    finally:
        _stop(process, family, server.stop_timeout_s)


def run_program(server: Server, log: Path, timeout_s: float) -> None:
    """Run a program that ends by itself; raises `StartFailed` if it fails or is too slow."""
    process = _started(server, log)
    family = _Family(process.pid)
    try:
        deadline = time.monotonic() + timeout_s
        while (status := process.poll()) is None and time.monotonic() < deadline:
            family.look()
            time.sleep(POLL_S)
        if status != 0:
            raise StartFailed(f"ended with status {status}: {_last_words(log)}")
    finally:
        _stop(process, family, server.stop_timeout_s)


def _started(server: Server, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            server.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **server.environment},
            start_new_session=True,  # our Ctrl-C does not reach it: the caller stops it
        )


class _Family:
    """A process and all descendants that were seen while their parents ran.

    The children of an ended process can no longer be found through it, so `look` is called
    repeatedly. `psutil.Process` compares start times, too, so a reused process id is never mistaken
    for ours.
    """

    def __init__(self, pid: int) -> None:
        self._members = {psutil.Process(pid)}

    def look(self) -> None:
        """Record the current descendants."""
        for member in list(self._members):
            try:
                self._members.update(member.children(recursive=True))
            except psutil.NoSuchProcess:
                continue

    def kill(self) -> None:
        """Kill all remaining members and wait for them to end."""
        self.look()
        for member in self._members:
            try:
                member.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(list(self._members), KILL_TIMEOUT_S)


def _wait_until_ready(
    process: subprocess.Popen[bytes], server: Server, log: Path, family: _Family
) -> None:
    deadline = time.monotonic() + server.start_timeout_s
    while time.monotonic() < deadline:
        family.look()
        if (status := process.poll()) is not None:
            raise StartFailed(f"ended with status {status}: {_last_words(log)}")
        if _answers(server.ready_url):
            return
        time.sleep(POLL_S)
    raise StartFailed(f"not ready after {server.start_timeout_s:.0f} s: {_last_words(log)}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=PROBE_TIMEOUT_S) as response:
            return int(response.status) == 200
    except (urllib.error.URLError, OSError):
        return False


def _stop(process: subprocess.Popen[bytes], family: _Family, timeout_s: float) -> None:
    family.look()
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            pass
    family.kill()
    process.wait(KILL_TIMEOUT_S)


def _last_words(log: Path) -> str:
    text = log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-5:]) or "it said nothing"
