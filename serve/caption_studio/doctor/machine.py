"""A machine → the facts that the checks are about. Not here: what they mean (doctor.checks)."""

import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from caption_studio.memory import free_memory_bytes
from caption_studio.model_files import HubPlace, hub_place
from caption_studio.model_libraries import LIBNUMA, TORCH, VLLM, can_load, installed
from caption_studio.torch_companions import COMPANIONS

PACKAGES = (TORCH, *VLLM, *COMPANIONS)
TOOLS = {
    "a C compiler": ("cc", "gcc", "clang"),
    "a C++ compiler": ("c++", "g++", "clang++"),
}
HEADER = "Python.h"
SERVICE_PORT = 8000
TEMPORARY = "/tmp"
"""Ray's files go there, or where TMPDIR says. Python's own rule would pass over a full folder."""

SHARED_MEMORY = "/dev/shm"
NVIDIA_DEVICE = "/dev/nvidiactl"
NVIDIA_SMI_S = 10.0
GPU_FIELDS = "name,memory.total,driver_version"
HUB_S = 4.0


@dataclass(frozen=True)
class Gpu:
    """One card, as its driver names it."""

    name: str
    memory_bytes: int
    driver: str


@dataclass(frozen=True)
class Disk:
    """The file system of a folder, which need not exist yet; whether this user may write there."""

    path: Path
    free_bytes: int
    is_writable: bool


@dataclass(frozen=True)
class Machine:
    """What was found.

    `packages` are versions by name. `lacks` are those of the tools, and `Python.h`. `has_libnuma`:
    the loader finds it. `memory_bytes` are what a process may still take. `gpu_failure` says why
    the driver does not answer, `hub_failure` why the hub does not. `port_is_taken`: 8000 is.
    """

    python: tuple[int, int, int]
    packages: Mapping[str, str]
    lacks: tuple[str, ...]
    has_libnuma: bool
    memory_bytes: int
    shared_bytes: int
    gpus: tuple[Gpu, ...]
    gpu_failure: str | None
    port_is_taken: bool
    models: Disk
    temporary: Disk
    hub: HubPlace
    hub_failure: str | None


def look() -> Machine:
    """Look at this machine; takes no longer than the two deadlines above."""
    hub = hub_place()
    gpus, gpu_failure = _gpus()
    return Machine(
        python=sys.version_info[:3],
        packages=installed(PACKAGES),
        lacks=_lacks(),
        has_libnuma=can_load(LIBNUMA),
        memory_bytes=free_memory_bytes(),
        shared_bytes=_disk(Path(SHARED_MEMORY)).free_bytes,
        gpus=gpus,
        gpu_failure=gpu_failure,
        port_is_taken=_port_is_taken(),
        models=_disk(hub.cache),
        temporary=_disk(Path(os.environ.get("TMPDIR") or TEMPORARY)),
        hub=hub,
        hub_failure=None if hub.is_offline else _within(HUB_S, lambda: _hub_failure(hub.address)),
    )


def _lacks() -> tuple[str, ...]:
    lacks = [tool for tool, names in TOOLS.items() if not any(map(shutil.which, names))]
    if not Path(sysconfig.get_path("include"), HEADER).is_file():
        lacks.append(HEADER)
    return tuple(lacks)


def _disk(path: Path) -> Disk:
    for folder in (path, *path.parents):
        try:
            return Disk(path, shutil.disk_usage(folder).free, _is_writable(folder))
        except OSError:  # not there yet, or not for this user to see
            continue
    return Disk(path, 0, is_writable=False)


def _is_writable(folder: Path) -> bool:
    """Try it: a permission says nothing of a disk that is mounted read-only, or is full."""
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as probe:
            probe.write(b"x")
    except OSError:
        return False
    return True


def _gpus() -> tuple[tuple[Gpu, ...], str | None]:
    """Return the NVIDIA cards, and why they could not be listed."""
    if shutil.which("nvidia-smi") is None:
        is_there = Path(NVIDIA_DEVICE).exists()
        return (), "there is a card, but no nvidia-smi" if is_there else None
    try:
        done = subprocess.run(
            ["nvidia-smi", f"--query-gpu={GPU_FIELDS}", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=NVIDIA_SMI_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return (), f"nvidia-smi: {error}"
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()
        return (), f"nvidia-smi: {said[-1] if said else done.returncode}"
    return tuple(gpus_of(done.stdout)), None


def gpus_of(table: str) -> list[Gpu]:
    """Read nvidia-smi's lines: name, memory in MiB, driver."""
    rows = [[cell.strip() for cell in line.split(",")] for line in table.splitlines()]
    return [
        Gpu(name, int(mib) * 1024**2 if mib.isdigit() else 0, driver)  # no number: shared memory
        for name, mib, driver in (row for row in rows if len(row) == 3)
    ]


def _port_is_taken() -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", SERVICE_PORT))
        except OSError:
            return True
    return False


def _hub_failure(address: str) -> str | None:
    try:
        # Any answer will do: it is there.
        httpx.head(address, timeout=HUB_S, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return str(error) or type(error).__name__
    return None


def _within(seconds: float, ask: Callable[[], str | None]) -> str | None:
    """Return the answer, or that there was none: a name server alone may take half a minute."""
    answers: list[str | None] = [f"no answer within {seconds:g} s"]

    def run() -> None:
        try:
            answers.append(ask())
        except Exception as error:  # such as a proxy of a kind that needs another package
            answers.append(str(error))

    asking = threading.Thread(target=run, daemon=True)
    asking.start()
    asking.join(seconds)
    return answers[-1]
