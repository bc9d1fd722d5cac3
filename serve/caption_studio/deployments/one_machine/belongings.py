"""The processes and files of a service on this machine, and the cleanup after a dead service.

A service has a folder, with a file in it that it keeps locked while it lives: if nobody holds the
lock, the service is dead. Every process of a service has the folder's name in its environment. Its
semaphores are named after the folder, and a file in the folder lists its other shared memory. Ray's
agents overwrite their environment with their process titles, so they are recognised by the
service's session, which is written in the locked file. Nothing without one of these marks is taken
for a dead service's, and nothing of another user's is examined.
"""

import fcntl
import logging
import os
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from caption_studio.deployments.one_machine import semaphores

PREFIX = "studio-"
OWNER = "owner"
SHARED_MEMORY = "shared-memory"
SHARED_MEMORY_DIR = Path("/dev/shm")
PROCESSES_DIR = Path("/proc")
RAY_TITLE = b"ray::"
"""Prefix of the process titles that Ray sets."""
NOTE_S = 20.0
END_S = 5.0

logger = logging.getLogger(__name__)


class Belongings:
    """The folder of one service; this process holds its lock until `remove`."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        unnamed = self.folder / f"{OWNER}.new"
        self._lock = unnamed.open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._lock.write(str(os.getsid(0)))
        self._lock.flush()
        unnamed.rename(self.folder / OWNER)  # locked before it has its name: never taken for dead
        self._names: set[str] = set()
        self._noted_s = time.monotonic()

    def note(self) -> None:
        """Record the names of the shared memory that the service's processes have mapped now."""
        self._noted_s = time.monotonic()
        names = self._names | _mapped(processes_of(self.folder))
        if names != self._names:
            self._names = names
            (self.folder / SHARED_MEMORY).write_text("\n".join(sorted(names)))

    def keep_noting(self) -> None:
        """Note again if the last time was `NOTE_S` ago: replicas come and go."""
        if time.monotonic() - self._noted_s > NOTE_S:
            self.note()

    def end_processes(self) -> None:
        """End the service's other processes, so that it can start anew."""
        _end(self.folder)

    def remove(self) -> None:
        """Remove what is left when the service has ended."""
        _remove(self.folder)
        self._lock.close()


def clear_dead(parent: Path | None = None) -> list[str]:
    """Remove what dead services of this user left; return a line about each."""
    found = sorted((parent or Path(tempfile.gettempdir())).glob(f"{PREFIX}*/{OWNER}"))
    return [line for owner in found if (line := _clear(owner))]


def _clear(owner: Path) -> str | None:
    """Remove what a service left, if it is dead and this user's."""
    try:
        if owner.lstat().st_uid != os.getuid() or owner.parent.lstat().st_uid != os.getuid():
            return None
        with owner.open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return f"Cleared up after a service that was killed: {_remove(owner.parent)}."
    except OSError:  # it is alive, or has just ended by itself
        return None


def _remove(folder: Path) -> str:
    """End the processes, free the shared memory, delete the folder; return that in words."""
    pids = _end(folder)
    names = _noted(folder) - _mapped(_own_pids())
    for name in names:
        (SHARED_MEMORY_DIR / name).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    return f"{folder}, {len(pids)} processes, {len(names)} files in shared memory"


def _end(folder: Path) -> list[int]:
    """End the processes, wait for it up to `END_S`; return which they were."""
    pids = processes_of(folder)
    for pid in pids:
        if b"resource_tracker" not in _read(pid, "cmdline"):  # Python's own: it cleans up, and ends
            _kill(pid)
    deadline_s = time.monotonic() + END_S
    while processes_of(folder) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    return pids


def processes_of(folder: Path) -> list[int]:
    """Return the processes of this user that belong to the service with this folder.

    They were started with the folder in their environment, or are Ray's in the service's session.
    """
    mark = f"={folder}/".encode()
    session = _session_of(folder)
    return [
        pid
        for pid in _own_pids()
        if mark in _read(pid, "environ") or (session is not None and _is_rays(pid, session))
    ]


def _session_of(folder: Path) -> int | None:
    """Return the service's session; None if its leader is another living process.

    The kernel reuses the number for a new process only after the session's last process has ended.
    """
    try:
        session = int((folder / OWNER).read_text())
    except (OSError, ValueError):
        return None
    is_led_by_another = session != os.getpid() and (PROCESSES_DIR / str(session)).exists()
    return None if is_led_by_another else session


def _is_rays(pid: int, session: int) -> bool:
    try:
        return os.getsid(pid) == session and _read(pid, "cmdline").startswith(RAY_TITLE)
    except OSError:  # it has ended
        return False


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it was about to end


def _noted(folder: Path) -> set[str]:
    """Return the names that the service recorded, and those of its semaphores.

    Only names of this user's regular files in `SHARED_MEMORY_DIR` are returned.
    """
    names = [path.name for path in SHARED_MEMORY_DIR.glob(semaphores.pattern(folder))]
    with suppress(OSError):
        names += (folder / SHARED_MEMORY).read_text().split("\n")
    return {
        name
        for name in names
        if name and "/" not in name and _is_own_file(SHARED_MEMORY_DIR / name)
    }


def _is_own_file(path: Path) -> bool:
    try:
        status = path.lstat()
    except OSError:
        return False
    return status.st_uid == os.getuid() and stat.S_ISREG(status.st_mode)


def _mapped(pids: list[int]) -> set[str]:
    """Return the names of the files in shared memory that these processes have mapped."""
    prefix = f"{SHARED_MEMORY_DIR}/".encode()
    lines = (line for pid in pids for line in _read(pid, "maps").splitlines() if prefix in line)
    paths = (line.partition(prefix)[2] for line in lines)
    return {path.decode() for path in paths if not path.endswith(b" (deleted)")}


def _own_pids() -> list[int]:
    return list(_pids_of(os.getuid()))


def _pids_of(user: int) -> Iterator[int]:
    for path in PROCESSES_DIR.glob("[0-9]*"):
        try:
            if path.stat().st_uid == user and int(path.name) != os.getpid():
                yield int(path.name)
        except FileNotFoundError:
            continue


def _read(pid: int, name: str) -> bytes:
    try:
        return (PROCESSES_DIR / str(pid) / name).read_bytes()
    except OSError:  # it has ended, or we may not read it
        return b""
